import Fixtures
import Glibc
import Linux
import Peer
import Testing
import Transfer

/// An agent is replaced by a new program under load: nobody's request is lost, refused or reset, and a program that
/// cannot take over changes nothing.
@Suite(.serialized) struct UpgradeTests {
    private static let perSecond = 500

    /// The agents that followed others: they are not this process's children, so they are ended by their numbers.
    private final class Successors {
        var ids: [Int32] = []

        deinit { for id in ids { kill(id, SIGKILL) } }

        /// SIGTERM to the last one; true when it has ended in time.
        func stopLast() async -> Bool {
            guard let id = ids.last else { return false }
            kill(id, SIGTERM)
            return await eventually(within: 20_000) { kill(id, 0) != 0 }
        }
    }

    private func begin(
        _ names: [String], proxy: [String] = [], workers: Int = 1
    ) async throws -> (Ensemble, leader: String) {
        let troop = try Ensemble(names, proxy: proxy, workers: workers)
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: names.count) }
        try #require(isUp, "\(troop.logs)")
        return (troop, try #require(troop.status()?.leader?.host))
    }

    private func upgrade(
        _ troop: Ensemble, _ name: String, _ successors: Successors
    ) async throws -> UpgradeDocument {
        let (code, output) = try troop.command(name, "upgrade", "-o", "json")
        try #require(code == 0, "\(output)\n\(troop.logs)")
        let document = try JSONForm.document(UpgradeDocument.self, from: Array(output.utf8))
        successors.ids.append(document.pid)
        return document
    }

    private func calm(_ load: LoadClient) async {
        let before = load.tally.answered
        _ = await eventually { load.tally.answered >= before + UpgradeTests.perSecond }
    }

    private func isLossless(_ tally: LoadClient.Tally, _ logs: String, atLeast requests: Int) {
        print(
            "  \(tally.answered) answered, \(tally.cut) cut, \(tally.reconnects) reconnects,",
            "longest \(tally.longestMilliseconds) ms, \(tally.failures.count) failures")
        #expect(tally.failures.isEmpty, "\(tally.reasons)\n\(logs)")
        #expect(tally.cut == 0)
        #expect(tally.reconnects == 0, "\(logs)")
        #expect(tally.answered >= requests)
    }

    /// Clients of all kinds: busy ones and ones that mostly rest, kept connections and new ones, plain and TLS, reads and
    /// writes that may not be sent twice.
    @Test(.timeLimit(.minutes(3))) func threeUpgradesInARowLoseNothing() async throws {
        let certificates = try TestCertificates()
        let securePort = try RedisServer.freePort()
        let (troop, leader) = try await begin(
            ["a", "b"],
            proxy: [
                "tls:", "  listen: \"127.0.0.1:\(securePort)\"",
                "  certificates: [\(certificates.certificate("server"))]",
                "  keys: [\(certificates.key("server"))]",
            ], workers: 2)
        let successors = Successors()
        let registered = registrations(troop)
        let trust = try LoadTrust(authority: certificates.certificate("ca"))
        let kept = try LoadClient(port: troop.proxyPort, perSecond: UpgradeTests.perSecond, mix: .all)
        let fresh = try LoadClient(
            port: troop.proxyPort, perSecond: UpgradeTests.perSecond / 2, threads: 5, keepsConnections: false,
            mix: .all)
        let secure = try LoadClient(
            port: securePort, perSecond: UpgradeTests.perSecond / 5, threads: 5, mix: .all, trust: trust)
        // Each of them rests for two seconds between two requests.
        let resting = try LoadClient(port: troop.proxyPort, perSecond: 10, threads: 20, mix: .all)
        let secureResting = try LoadClient(
            port: securePort, perSecond: 5, threads: 10, mix: .all, trust: trust)
        await calm(kept)
        var epoch = try #require(troop.status()?.leader?.epoch)
        var old = try troop.agent(leader).id
        for _ in 0..<3 {
            let document = try await upgrade(troop, leader, successors)
            #expect(document.pid != old)
            #expect(document.version == Version.text)
            // The new agent answers at once, and takes the lease by the handover.
            let status = try #require(troop.status(of: leader), "\(troop.logs)")
            #expect(status.agent.serving)
            let leads = await eventually {
                guard let now = troop.status(of: leader)?.leader else { return false }
                return now.host == leader && now.epoch > epoch
            }
            #expect(leads, "\(troop.logs)")
            epoch = troop.status(of: leader)?.leader?.epoch ?? epoch
            let ended = await eventually(within: 20_000) { Self.hasEnded(old, try? troop.agent(leader)) }
            #expect(ended, "\(troop.logs)")
            #expect(access(try troop.member(leader).socket, F_OK) == 0)
            #expect(
                troop.status(of: leader)?.hosts.contains { $0.name == leader && $0.state == "up" } == true)
            old = document.pid
            await calm(kept)
        }
        #expect(try troop.agent(leader).exitCode == 0)
        isLossless(kept.stop(), troop.logs, atLeast: 1500)
        isLossless(fresh.stop(), troop.logs, atLeast: 700)
        isLossless(secure.stop(), troop.logs, atLeast: 300)
        isLossless(resting.stop(), troop.logs, atLeast: 40)
        isLossless(secureResting.stop(), troop.logs, atLeast: 20)
        let history = try troop.command(leader, "history").output
        #expect(history.contains("handed over to \(leader): upgrade to \(Version.text)"), "\(history)")
        let entries = try troop.redis.command("HLEN", "troop:{test}:servers")
        #expect(entries == ":2\r\n")
        #expect(registrations(troop) == registered, "the application's entry stays as it was")
        #expect(!troop.logs.contains("took the application off"), "\(troop.logs)")
        #expect(await successors.stopLast(), "\(troop.logs)")
        let next = await eventually(within: 5000) {
            troop.status()?.leader.map { $0.host != leader } ?? false
        }
        #expect(next, "\(troop.logs)")
    }

    /// Longer than connections may go on when an agent stops.
    @Test(.timeLimit(.minutes(2))) func anAnswerThatTakesLongOutlivesTheUpgrade() async throws {
        let (troop, leader) = try await begin(["a"])
        let successors = Successors()
        let old = try troop.agent(leader).id
        let slow = Task.detached { troop.get("/slow?ms=12000", within: 30_000) }
        let isUnderWay = await eventually {
            troop.status(of: leader)?.servers.contains { $0.inFlight == 1 } == true
        }
        #expect(isUnderWay, "\(troop.logs)")
        let document = try await upgrade(troop, leader, successors)
        #expect(document.pid != old)
        #expect(await slow.value?.status == 200, "\(troop.logs)")
        let ended = await eventually(within: 20_000) { Self.hasEnded(old, try? troop.agent(leader)) }
        #expect(ended, "\(troop.logs)")
        #expect(await successors.stopLast(), "\(troop.logs)")
    }

    private func registrations(_ troop: Ensemble) -> String {
        (try? troop.redis.command("HGETALL", "troop:{test}:servers")) ?? ""
    }

    private static func hasEnded(_ id: Int32, _ program: Program?) -> Bool {
        if let program, program.id == id { return program.exitCode != nil }
        return kill(id, 0) != 0
    }

    @Test(.timeLimit(.minutes(3))) func aStandbyIsUpgradedByASignal() async throws {
        let (troop, leader) = try await begin(["a", "b"])
        let successors = Successors()
        let standby = leader == "a" ? "b" : "a"
        let epoch = troop.status()?.leader?.epoch
        let old = try troop.agent(standby)
        old.signal(SIGUSR2)
        #expect(old.wait() == 0, "\(troop.logs)")
        let pid = old.output.split(separator: "\n").last { $0.contains("upgraded: the new agent serves") }
            .flatMap { line in line.firstRange(of: "pid=").map { line[$0.upperBound...] } }
            .flatMap { Int32($0.prefix { $0.isNumber }) }
        successors.ids.append(try #require(pid, "\(troop.logs)"))
        let status = try #require(troop.status(of: standby), "\(troop.logs)")
        #expect(!status.agent.serving)
        #expect(status.leader?.epoch == epoch)
        #expect(troop.get()?.status == 200)
        // It follows, and leads when the leader goes.
        _ = try troop.terminateAgent(leader)
        let leads = await eventually { troop.status(of: standby)?.leader?.host == standby }
        #expect(leads, "\(troop.logs)")
        #expect(await eventually { troop.get()?.status == 200 })
    }

    @Test(.timeLimit(.minutes(3))) func aProgramThatCannotTakeOverChangesNothing() async throws {
        let (troop, leader) = try await begin(["a"])
        let member = try troop.member(leader)
        let load = try LoadClient(port: troop.proxyPort, perSecond: UpgradeTests.perSecond)
        let epoch = troop.status()?.leader?.epoch
        func refused(_ word: String, _ arguments: [String]) throws {
            let (code, output) = try Program.run(
                ["upgrade"] + arguments, environment: ["TROOP_SOCKET=\(member.socket)"], within: 30_000)
            #expect(code == 1 && output.contains(word), "\(code ?? -1) \(output)\n\(troop.logs)")
        }
        func script(_ name: String, _ text: String) throws -> String {
            let path = "\(troop.folder)/\(name)"
            try Ensemble.write("#!/bin/sh\n\(text)\n", to: path)
            chmod(path, 0o755)
            return path
        }
        try refused("ended before it was ready: exit code 1", ["--binary", "/bin/false"])
        try refused("killed by signal 9", ["--binary", script("dies", "kill -9 $$")])
        try refused("not ready within 10 s", ["--binary", script("hangs", "exec sleep 60")])
        let open = try script("open", "exit 0")
        chmod(open, 0o777)
        try refused("may be written by others", ["--binary", open])
        let plain = try script("plain", "exit 0")
        chmod(plain, 0o644)
        try refused("no program", ["--binary", plain])
        let missing = try Program.run(
            ["upgrade", "--binary", "/nowhere/troop"], environment: ["TROOP_SOCKET=\(member.socket)"])
        #expect(missing.code == 64 && missing.output.contains("No such file"), "\(missing.output)")

        let good = Program.text(of: member.config)
        try Ensemble.write(good + "\nproxy_: 1\n", to: member.config)
        try refused("the new program gave up", [])
        try Ensemble.write(good, to: member.config)

        // Of all that is open here, a new program is given the line to this agent and the listening sockets alone.
        let list = "\(troop.folder)/descriptors"
        try refused("ended before", ["--binary", script("lists", "ls -l /proc/self/fd > \(list); exit 3")])
        let lines = Program.text(of: list).split(separator: "\n").filter { $0.contains(" -> ") }
        #expect(lines.filter { $0.contains("socket:[") }.count == 4, "\(lines)")
        #expect(lines.count == 4 + 4, "standard streams, the listing itself, four sockets: \(lines)")

        #expect(try troop.agent(leader).exitCode == nil)
        #expect(troop.status()?.leader?.epoch == epoch)
        isLossless(load.stop(), troop.logs, atLeast: 1500)
        #expect(try troop.terminateAgent(leader) == 0)
    }

    @Test(.timeLimit(.minutes(2))) func aStopBreaksAnUpgradeBySignalOff() async throws {
        let (troop, leader) = try await begin(["a"])
        let agent = try troop.agent(leader)
        agent.signal(SIGHUP)
        agent.signal(SIGUSR2)
        var successor: pid_t?
        let limit = Instant.now().advanced(milliseconds: 10_000)
        while successor == nil, Instant.now() < limit { successor = Self.child(of: agent.id) }
        // A new program that hangs may take ten seconds.
        kill(try #require(successor), SIGSTOP)
        let begin = Instant.now()
        agent.signal(SIGTERM)
        #expect(agent.wait() == 0, "\(troop.logs)")
        #expect(Instant.now().milliseconds(since: begin) < 6000, "\(troop.logs)")
        #expect(!troop.logs.contains("upgraded: "), "\(troop.logs)")
    }

    /// The child that runs a program of its own by now: one between fork and exec still holds its parent up, and has the
    /// name of the thread that made it.
    private static func child(of parent: pid_t) -> pid_t? {
        guard let folder = opendir("/proc/\(parent)/task") else { return nil }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let children = Program.text(of: "/proc/\(parent)/task/\(name)/children")
            if let child = children.split(separator: " ").first.flatMap({ pid_t($0) }),
                Program.text(of: "/proc/\(child)/comm") == "troop\n"
            {
                return child
            }
        }
        return nil
    }

    @Test(.timeLimit(.minutes(2))) func onlyTheSocketTakesUpgrades() async throws {
        let (troop, leader) = try await begin(["a"])
        let member = try troop.member(leader)
        var transfer = Transfer(url: "http://127.0.0.1:\(member.apiPort)/v1/upgrade")
        transfer.method = "POST"
        #expect(try transfer.perform().status == 403)
        transfer.url = "http://localhost/v1/upgrade"
        transfer.socket = member.socket
        transfer.method = "GET"
        #expect(try transfer.perform().status == 405)
        transfer.method = "POST"
        for body in ["{\"binary\": 1}", "{\"path\": \"/bin/true\"}", "[]", "{\"binary\": \"troop\"}"] {
            transfer.json = Array(body.utf8)
            #expect(try transfer.perform().status == 400, "\(body)")
        }
        #expect(troop.get()?.status == 200)
    }
}
