import Glibc
import Linux
import Peer
import Transfer

/// What the demo tells a person: first what to try, then one line a second.
struct DemoShow: Sendable {
    private let troop: DemoTroop

    /// How long the troop may take to come up, in milliseconds.
    private static let startMilliseconds: Int64 = 20_000

    init(_ troop: DemoTroop) { self.troop = troop }

    /// Writes the members' files and waits until their applications run.
    func prepare(_ register: ChildProcess.Register) async throws(AgentFault) {
        for member in troop.members { try write(troop.configuration(member), to: member.configPath) }
        try write(troop.machineText, to: troop.machineScript)
        let deadline = Instant.now().advanced(milliseconds: DemoShow.startMilliseconds)
        for member in troop.members {
            var id: pid_t?
            while id == nil {
                id = await register.running["app-\(member.name)"]
                if let fault = await register.faults["app-\(member.name)"] {
                    throw AgentFault("app: \(fault)")
                }
                if Instant.now() > deadline { throw AgentFault("the sample applications did not start") }
                if id == nil { try? await Task.sleep(for: .milliseconds(20)) }
            }
            try write("\(id ?? 0)\n", to: member.pidPath)
        }
    }

    /// Waits for the first leader, says what to try, then shows how the troop fares until the task is
    /// cancelled; false when no leader served in time.
    func run(_ register: ChildProcess.Register) async -> Bool {
        guard await awaitFirst() else {
            if Task.isCancelled { return true }
            ExitStatus.complain(
                "no agent leads and serves after \(DemoShow.startMilliseconds / 1000) s; the logs' ends:")
            for member in troop.members { Output.write(tail("\(troop.folder)/\(member.name).log")) }
            Output.write(tail("\(troop.folder)/redis.log"))
            return false
        }
        await welcome(register)
        var before = ""
        var story = DemoStory()
        while !Task.isCancelled {
            refreshPidFiles(await register.running)
            for text in story.news(answer("/v1/events\(story.query)")) {
                Output.write(Output.isTerminal ? "\r\u{1B}[2K\(text)\n" : "\(text)\n")
            }
            let line = self.line(await register.running)
            if Output.isTerminal {
                Output.write("\r\u{1B}[2K" + line.text)
            } else if line.gist != before {
                Output.line(line.text)
            }
            before = line.gist
            try? await Task.sleep(for: .seconds(1))
        }
        return true
    }

    private func awaitFirst() async -> Bool {
        let deadline = Instant.now().advanced(milliseconds: DemoShow.startMilliseconds)
        while Instant.now() < deadline, !Task.isCancelled {
            var transfer = Transfer(url: "http://127.0.0.1:\(troop.proxyPort)/")
            transfer.timeoutMilliseconds = 1000
            if let status = status(), status.leader != nil, status.hosts.count == troop.members.count,
                status.servers.filter({ $0.healthy == true }).count == troop.members.count,
                (try? transfer.perform())?.status == 200
            {
                return true
            }
            try? await Task.sleep(for: .milliseconds(100))
        }
        return false
    }

    private func welcome(_ register: ChildProcess.Register) async {
        let leader = status()?.leader?.host ?? "a"
        let program = DemoShow.short(troop.program)
        let socket = troop.members.last?.socket ?? ""
        // Not the leader: that one would hand the lease over first.
        let patient = troop.members.first { $0.name != leader } ?? troop.members.first
        let app = patient?.appPort ?? 0
        let id = await register.running[leader] ?? 0
        Output.write(
            """

            A troop of \(troop.members.count) is up. The proxy: \(Output.styled("http://127.0.0.1:\(troop.proxyPort)/", .bold))
            The dashboard: \(Output.styled("http://127.0.0.1:\(troop.members.last?.apiPort ?? 0)/", .bold))

            Try, in another terminal:
              curl http://127.0.0.1:\(troop.proxyPort)/            # through the proxy, again and again
              export TROOP_SOCKET=\(socket)
              \(program) status --watch
              kill -9 \(id)                                # agent \(leader), which leads now; it returns after 5 s
              \(program) history
              curl 'http://127.0.0.1:\(app)/burn?seconds=60'   # host \(patient?.name ?? "") gets hot: the doctor reboots it
              for port in \(troop.members.map { "\($0.appPort)" }.joined(separator: " ")); do curl "http://127.0.0.1:$port/burn?seconds=60"; done
                                                           # the fleet gets hot: the gift monkey launches a server
              \(program) monkeys                          # what the two see, think and would do
              \(program) operations
              redis-cli -p \(troop.redisPort) hdel 'troop:{demo}:servers' 127.0.0.1:\(app)   # by hand
              \(program) servers add 127.0.0.1:\(app)

            Logs and configuration: \(troop.folder)   Ctrl-C stops everything and removes them.


            """)
    }

    /// The program as it can be typed in the current folder.
    private static func short(_ program: String) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard getcwd(&buffer, buffer.count) != nil else { return program }
        let folder =
            String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) + "/"
        return program.hasPrefix(folder) ? String(program.dropFirst(folder.count)) : program
    }

    private func status() -> Status? { answer("/v1/status") }

    /// A document of the first agent that answers.
    private func answer<Document: Decodable>(_ path: String) -> Document? {
        for member in troop.members {
            var transfer = Transfer(url: "http://localhost\(path)")
            transfer.socket = member.socket
            transfer.timeoutMilliseconds = 1000
            guard let answer = try? transfer.perform(), answer.status == 200 else { continue }
            if let document = try? JSONForm.document(Document.self, from: answer.body) { return document }
        }
        return nil
    }

    /// One line about the troop, and its gist: what must change before it is worth another line in a log.
    private func line(_ running: [String: pid_t]) -> (text: String, gist: String) {
        guard let status = status() else { return ("no agent answers", "silent") }
        let leader =
            status.leader.map { leader in
                let process = running[leader.host].map { "pid \($0)" } ?? "dead, its lease runs out"
                return "leader \(leader.host) (\(process), epoch \(leader.epoch))"
            }
            ?? (status.store.reachable ? "no leader" : "Redis does not answer")
        let down = troop.members.map(\.name).filter { running[$0] == nil }
        let healthy = status.servers.filter { $0.healthy == true }.count
        var gist = "\(leader) | servers \(healthy)/\(status.servers.count) healthy"
        if !down.isEmpty { gist += " | down: \(down.joined(separator: " "))" }
        for operation in status.operations ?? [] {
            gist += " | \(operation.kind) \(operation.target): \(operation.step)"
        }
        let cpu = status.hosts.map { "\($0.name) \($0.cpu.map { "\(Int(($0 * 100).rounded())) %" } ?? "-")" }
        let requests = status.servers.compactMap(\.requests).reduce(0, &+)
        return (gist + " | cpu \(cpu.joined(separator: ", ")) | \(requests) requests", gist)
    }

    /// A sample application that was started again has another process id.
    private func refreshPidFiles(_ running: [String: pid_t]) {
        for member in troop.members {
            if let id = running["app-\(member.name)"] { try? write("\(id)\n", to: member.pidPath) }
        }
    }

    private func write(_ text: String, to path: String) throws(AgentFault) {
        let raw = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard raw >= 0 else { throw AgentFault("cannot write \(path)") }
        let descriptor = Descriptor(owning: raw)
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor.raw, bytes, bytes.count) == bytes.count else {
            throw AgentFault("cannot write \(path)")
        }
    }

    /// The last lines of a log.
    private func tail(_ path: String) -> String {
        let raw = open(path, O_RDONLY | O_CLOEXEC)
        guard raw >= 0 else { return "" }
        let descriptor = Descriptor(owning: raw)
        let size = lseek(descriptor.raw, 0, SEEK_END)
        lseek(descriptor.raw, max(0, size - 2000), SEEK_SET)
        var bytes = [UInt8](repeating: 0, count: 2000)
        let count = read(descriptor.raw, &bytes, bytes.count)
        return "--- \(path)\n" + String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}
