import Peer

/// What `troop top` shows, apart from the terminal: a status, how it is sorted, what is in sight, and the lines of it.
struct TopScreen {
    /// What hosts are sorted by.
    enum Order: Character, CaseIterable {
        case cpu = "c"
        case memory = "m"
        case load = "l"
        case latency = "t"
        case requests = "p"
        case state = "s"
        case name = "n"

        /// The word in the line of keys.
        var word: String {
            switch self {
            case .cpu: "cpu"
            case .memory: "mem"
            case .load: "load"
            case .latency: "p90"
            case .requests: "req/s"
            case .state: "state"
            case .name: "name"
            }
        }
    }

    /// What a person does.
    enum Key: Equatable {
        case order(Order), reverse, up, down, pageUp, pageDown, home, end, quit, other
    }

    /// One line: a host, or a server without one.
    private struct Line {
        var name: String
        var host: Status.Host?
        var servers: [Status.Server]
        var rate: Double?

        var latency: Double? { servers.compactMap(\.latencyMs.p90).max() }
        var state: String { host?.state ?? "-" }
        var rank: Int { ["up": 0, "late": 1, "lost": 2][state] ?? 0 }
    }

    private(set) var order = Order.cpu
    private(set) var isReversed = false
    private(set) var top = 0
    private(set) var isDone = false
    private var status: Status?
    private var trouble: String?
    private var takenAtMilliseconds: Int64 = 0
    private var counters: [String: (requests: Int64, atMilliseconds: Int64)] = [:]
    private var rates: [String: Double] = [:]

    /// Takes in a status at a time by any clock that only goes forward.
    mutating func take(_ status: Status, atMilliseconds now: Int64) {
        for server in status.servers {
            defer { counters[server.address] = server.requests.map { ($0, now) } }
            guard let requests = server.requests, let before = counters[server.address],
                requests >= before.requests, now > before.atMilliseconds
            else {
                rates[server.address] = nil
                continue
            }
            rates[server.address] =
                (Double(requests) - Double(before.requests)) * 1000 / Double(now - before.atMilliseconds)
        }
        self.status = status
        takenAtMilliseconds = now
        trouble = nil
    }

    /// Takes in why there is no status.
    mutating func fail(_ why: String) { trouble = why }

    /// Takes in a key.
    mutating func press(_ key: Key, rows: Int) {
        let page = max(1, rows - frameRows)
        switch key {
        case .order(let next):
            isReversed = next == order ? !isReversed : false
            order = next
            top = 0
        case .reverse: isReversed.toggle()
        case .up: top -= 1
        case .down: top += 1
        case .pageUp: top -= page
        case .pageDown: top += page
        case .home: top = 0
        case .end: top = .max / 2
        case .quit: isDone = true
        case .other: break
        }
        top = max(0, min(top, max(0, lines().count - page)))
    }

    /// Lines that are not hosts': two at the head, that of operations where there are any, the place in the list, the
    /// columns' names, the keys.
    private var frameRows: Int { operations == nil ? 5 : 6 }

    private var operations: String? { OperationsText.line(status?.operations ?? []) }

    /// The screen's lines for a terminal of a size, at a time.
    func text(columns: Int, rows: Int, atMilliseconds now: Int64) -> String {
        var head: [String] = []
        if let status {
            head.append(TopScreen.headline(status))
            let age = now - takenAtMilliseconds
            if let trouble {
                head.append(Output.styled("what follows is \(HostText.age(age)) old: \(trouble)", .red))
            } else if let warning = StatusText.warnings(status).split(separator: "\n").first {
                head.append(String(warning))
            } else {
                head.append(TopScreen.summary(status))
            }
        } else {
            head = [trouble.map { Output.styled($0, .red) } ?? "waiting for the agent", ""]
        }
        if let operations { head.append(Output.styled(operations, .yellow)) }
        // What is too long ends where the terminal does.
        head = head.map { Terminal.clip(Substring($0), to: columns) }
        let lines = lines()
        let room = max(1, rows - frameRows)
        let shown = lines.dropFirst(min(top, max(0, lines.count - room))).prefix(room)
        head.append(place(of: lines.count, shown: shown.count))
        var text = head.joined(separator: "\n") + "\n" + table(Array(shown), columns: columns)
        text += String(repeating: "\n", count: max(0, room - shown.count))
        return text + TopScreen.keys(columns: columns) + "\n"
    }

    /// Who leads, short enough for 80 columns.
    private static func headline(_ status: Status) -> String {
        let cluster = Output.styled(ShownText.clean(status.cluster, columns: 20), .bold)
        guard let leader = status.leader else {
            return "\(cluster)  leader " + Output.styled(status.store.reachable ? "NONE" : "UNKNOWN", .red)
        }
        let age = leader.leaseAgeMs.map { "  lease \($0) ms old" } ?? ""
        let name = Output.styled(ShownText.clean(leader.host, columns: 20), .bold)
        return "\(cluster)  leader \(name)  epoch \(leader.epoch)\(age)"
    }

    private static func summary(_ status: Status) -> String {
        let up = status.hosts.filter { $0.state == "up" }
        let known = up.compactMap(\.cpu)
        let mean = known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
        let healthy = status.servers.filter { $0.state == "active" && $0.healthy == true }.count
        return "\(up.count) of \(status.hosts.count) hosts up, mean cpu \(HostText.percent(mean)), "
            + "\(healthy) of \(status.servers.count) servers healthy"
    }

    /// Which of the hosts are in sight; nothing where all are.
    private func place(of count: Int, shown: Int) -> String {
        guard count > shown else { return "" }
        let first = min(top, count - shown)
        return Output.styled("\(first + 1)-\(first + shown) of \(count)", .dim)
    }

    private static func keys(columns: Int) -> String {
        let words = Order.allCases.map { "\($0.rawValue) \($0.word)" }.joined(separator: "  ")
        // The way out first: a narrow terminal cuts the end off.
        let line = Substring("q quit  r reverse  sort: \(words)")
        return Output.styled(Terminal.clip(line, to: columns), .dim)
    }

    private func lines() -> [Line] {
        guard let status else { return [] }
        var servers = Dictionary(grouping: status.servers, by: \.host)
        var lines = status.hosts.map { host in
            let own = servers.removeValue(forKey: host.name) ?? []
            return Line(name: host.name, host: host, servers: own, rate: rate(of: own))
        }
        for server in servers.values.joined() {
            lines.append(
                Line(name: server.address, host: nil, servers: [server], rate: rate(of: [server])))
        }
        return lines.sorted { one, two in
            let isBefore = compare(one, two)
            return isBefore == compare(two, one) ? one.name < two.name : isBefore != isReversed
        }
    }

    private func rate(of servers: [Status.Server]) -> Double? {
        let known = servers.compactMap { rates[$0.address] }
        return known.isEmpty ? nil : known.reduce(0, +)
    }

    private func compare(_ one: Line, _ two: Line) -> Bool {
        switch order {
        case .cpu: (one.host?.cpu ?? -1) > (two.host?.cpu ?? -1)
        case .memory: (one.host?.memory ?? -1) > (two.host?.memory ?? -1)
        case .load: (one.host?.load1 ?? -1) > (two.host?.load1 ?? -1)
        case .latency: (one.latency ?? -1) > (two.latency ?? -1)
        case .requests: (one.rate ?? -1) > (two.rate ?? -1)
        case .state: one.rank > two.rank
        case .name: one.name < two.name
        }
    }

    private func table(_ lines: [Line], columns: Int) -> String {
        let isNarrow = columns < 76
        let nameColumns = max(8, min(32, columns - (isNarrow ? 23 : 70)))
        var head = ["HOST", "STATE", "CPU", "", "MEMORY"]
        if !isNarrow { head += ["LOAD", "REQ/S", "P90", "SERVER"] }
        var table = Table(
            head, numeric: [2, 4, 5, 6, 7],
            leastFirst: ["LOAD", "", "REQ/S", "SERVER", "P90", "MEMORY", "CPU"])
        for line in lines {
            let name = ShownText.clean(line.name, columns: nameColumns)
            let isLeader = line.host.map { $0.name == status?.leader?.host } ?? false
            let cpu = line.host?.cpu
            var row: [Table.Cell] = [
                .init(name, isLeader ? .bold : nil),
                .init(
                    isLeader ? "leads" : line.state, line.host.map { HostText.style(state: $0.state) } ?? .dim
                ),
                .init(HostText.percent(cpu), HostText.heat(cpu)),
                .init(TopScreen.bar(cpu), HostText.heat(cpu)),
                .init(HostText.percent(line.host?.memory)),
            ]
            if !isNarrow {
                let server = line.servers.first
                let health = server.map { one in
                    one.state != "active"
                        ? ShownText.clean(one.state, columns: 9)
                        : one.healthy.map { $0 ? "healthy" : "unhealthy" } ?? "unknown"
                }
                row += [
                    .init(HostText.number(line.host?.load1)),
                    .init(line.rate.map { "\(Int64(exactly: $0.rounded()) ?? .max)" } ?? "-"),
                    .init(HostText.milliseconds(line.latency)),
                    .init(health ?? "-", server?.healthy == false ? .red : server == nil ? .dim : nil),
                ]
            }
            table.add(row)
        }
        return table.text(columns: columns)  // no cell is long enough for a second line: rows are counted
    }

    /// A share as a bar of ten characters.
    private static func bar(_ share: Double?) -> String {
        let full = Int(((share ?? 0) * 10).rounded())
        return String(repeating: "|", count: max(0, min(10, full)))
            + String(repeating: ".", count: 10 - max(0, min(10, full)))
    }
}
