package import Linux

/// Applications of live hosts that fail their agents' checks and whose servers are not on the list: a crashed application
/// leaves no entry behind that could look unwell, since its own agent takes it off.
package enum DownApplications {
    /// One of them.
    package struct Application: Equatable, Sendable {
        package var host: String
        package var address: SocketAddress

        /// An application from its parts.
        package init(host: String, address: SocketAddress) {
            self.host = host
            self.address = address
        }
    }

    /// So long after its first report a host may take to put its server on the list, in milliseconds.
    package static let graceMilliseconds: Int64 = 5000
    /// More of them share a line, in which only the first few are named.
    private static let linesMax = 5
    private static let namesMax = 3
    private static let oneBegins = "application on "
    private static let manyBegin = "applications on "

    /// Those of the hosts in a book that report in time, in the order of the hosts' names. `listed` and `hosts` are
    /// what the list has entries for, `excused` are hosts of which nothing is expected yet.
    package static func found(
        in book: HostBook, listed: Set<SocketAddress>, hosts: Set<String>, excused: Set<String>,
        at now: Instant
    ) -> [Application] {
        var found: [Application] = []
        for (name, page) in book.pages where !hosts.contains(name) && !excused.contains(name) {
            guard let report = page.report, report.serverIsUp == false, let server = report.server,
                let address = try? SocketAddress(server), !listed.contains(address)
            else { continue }
            let liveness = HostBook.liveness(
                ageMilliseconds: book.age(of: name, at: now) ?? .max,
                intervalMilliseconds: report.intervalMilliseconds)
            if liveness == .up { found.append(Application(host: name, address: address)) }
        }
        return found.sorted { $0.host < $1.host }
    }

    /// What status says of them: a line each, or one for many.
    package static func notices(_ down: [Application]) -> [String] {
        guard down.count > linesMax else {
            return down.map {
                "\(oneBegins)\($0.host) is down (\($0.address)): its server is off the list; see its log, it returns by itself when it answers"
            }
        }
        let names = down.prefix(namesMax).map(\.host).joined(separator: ", ")
        return [
            "\(manyBegin)\(down.count) hosts are down (\(names) and \(down.count - namesMax) more): their servers are off the list; see their logs, they return by themselves when they answer"
        ]
    }

    /// Whether such a line is among a status's notices.
    package static func areTold(by notices: [String]) -> Bool {
        notices.contains { $0.hasPrefix(oneBegins) || $0.hasPrefix(manyBegin) }
    }
}
