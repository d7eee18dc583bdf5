import Fixtures
import Glibc
import Linux
import Peer
import Remediation
import Testing

/// The gift monkey and the doctor monkey with real agents, and machines that are process groups.
@Suite(.serialized) struct RemediesTests {
    private static let host = ", reboot_command: [/bin/sh, -c, 'kill -9 $(cat @.pid)']"

    /// Policies that act within seconds; `@` is the troop's folder.
    private static func remediation(_ lines: String) -> String {
        """
        remediation:
          gift: {mode: enforce, above: 70%, clear: 60%, hold: 4s, max: 5, cooldown: 60s}
          doctor: {mode: enforce, above: 90%, hold: 4s, drain: 5s, cooldown: 60s}
          guard: {grace: 2s}
        \(lines)
        """
    }

    private func begin(_ lines: String = "", names: [String] = ["a", "b", "c"]) async throws -> Ensemble {
        let troop = try Ensemble(
            names, election: RemediesTests.remediation(lines),
            host: RemediesTests.host, metrics: ", cpu_allowance: 0.2")
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: names.count) }
        try #require(isUp, "\(troop.logs)")
        return troop
    }

    private func operations(_ troop: Ensemble, _ name: String) -> [OperationLine] {
        guard let answer = try? troop.command(name, "operations", "list", "-o", "json"), answer.code == 0
        else { return [] }
        return (try? JSONForm.document([OperationLine].self, from: Array(answer.output.utf8))) ?? []
    }

    @Test(.timeLimit(.minutes(3))) func theDoctorRebootsAHotHostAndNoRequestIsLost() async throws {
        let troop = try await begin()
        let leader = try #require(troop.status()?.leader?.host)
        let ill = try #require(["a", "b", "c"].first { $0 != leader })
        let load = try LoadClient(port: troop.proxyPort, perSecond: 200)
        #expect(troop.get("/burn?seconds=90", port: try troop.member(ill).appPort)?.status == 200)
        let isKilled = await eventually(within: 40_000) { troop.appHasEnded(ill) }
        try #require(isKilled, "\(troop.logs)")
        #expect(troop.status()?.servers.first { $0.host == ill }?.state == "draining")
        try troop.startApp(ill)
        let isDone = await eventually(within: 60_000) { operations(troop, leader).first?.state == "done" }
        try #require(isDone, "\(operations(troop, leader))\n\(troop.logs)")
        let found = operations(troop, leader)
        #expect(found.count == 1 && found[0].kind == "reboot" && found[0].target == ill, "\(found)")
        #expect(found[0].reason.contains("over 90 % for 4 s"))
        let isBack = await eventually {
            troop.status()?.servers.first { $0.host == ill }.map {
                $0.state == "active" && $0.healthy == true
            } ?? false
        }
        #expect(isBack)
        let tally = load.stop()
        #expect(tally.failures.isEmpty, "\(tally.reasons)")
        let shown = try troop.command(leader, "operations", "show", found[0].id)
        #expect(shown.output.contains("proven: boot"), "\(shown.output)")
        print("  " + shown.output.split(whereSeparator: \.isNewline).suffix(8).joined(separator: "\n  "))
    }

    @Test(.timeLimit(.minutes(3))) func theGiftMonkeyLaunchesAFourthServer() async throws {
        let troop = try await begin(RemediesTests.provider)
        defer { try? ProcessProvider.endAll(folder: "\(troop.folder)/machines") }
        try writeMachine(of: troop)
        let began = Instant.now()
        for member in troop.members { _ = troop.get("/burn?seconds=45", port: member.appPort) }
        let isDone = await eventually(within: 60_000) {
            operations(troop, "a").contains { $0.kind == "launch" && $0.state == "done" }
        }
        try #require(isDone, "\(operations(troop, "a"))\n\(troop.logs)")
        print("  from the burn to the healthy fourth server: \(Instant.now().milliseconds(since: began)) ms")
        let answers = await eventually {
            (0..<20).contains { _ in troop.get()?.body.contains("app-gift-") ?? false }
        }
        #expect(answers, "the launched server gets no requests")
        #expect(operations(troop, "a").filter { $0.kind == "launch" }.count == 1, "cooldown")
        #expect(operations(troop, "a").allSatisfy { $0.kind == "launch" }, "a storm is not for the doctor")
        #expect(launches(troop).count == 1)
    }

    /// `kill -9` of the leader shortly after a launch was asked for: one machine each time, by the provider's own log.
    @Test(.timeLimit(.minutes(4))) func aLeaderThatDiesLaunchesOnce() async throws {
        let troop = try await begin(RemediesTests.provider)
        defer { try? ProcessProvider.endAll(folder: "\(troop.folder)/machines") }
        try writeMachine(of: troop)
        for delay in [0, 30] as [Int64] {
            let leader = try #require(troop.status()?.leader?.host)
            let other = try #require(["a", "b", "c"].first { $0 != leader })
            // At once: a leader that is not done with what its predecessors left lets people wait, and does not refuse.
            let asked = try troop.command(other, "gift", "-o", "json")
            #expect(asked.code == 0, "\(asked.output)\n\(troop.logs)")
            try await Task.sleep(for: .milliseconds(delay))
            _ = try troop.killAgent(leader)
            let isDone = await eventually(within: 60_000) { operations(troop, other).first?.state == "done" }
            try #require(isDone, "\(operations(troop, other))\n\(troop.logs)")
            let id = try #require(operations(troop, other).first?.id)
            #expect(launches(troop).filter { $0.contains(id) }.count == 1, "\(launches(troop))")
            try troop.startAgent(leader)
            let isWhole = await eventually(within: 20_000) {
                troop.members.allSatisfy { troop.status(of: $0.name)?.leader != nil }
            }
            try #require(isWhole)
        }
    }

    @Test(.timeLimit(.minutes(2))) func peopleRuleTheMonkeys() async throws {
        let troop = try await begin()
        let leader = try #require(troop.status()?.leader?.host)
        let other = try #require(["a", "b", "c"].first { $0 != leader })
        func ask(_ words: String...) throws -> (code: Int32?, output: String) {
            try Program.run(words, environment: ["TROOP_SOCKET=\(try troop.member(other).socket)"])
        }
        let isReady = await eventually { (try? ask("monkeys").code) == 0 }
        try #require(isReady)
        #expect(try ask("gift").output.contains("no provider is configured"))
        #expect(try ask("doctor", leader).output.contains("leads"))
        #expect(try ask("doctor", "nobody").code == 1)
        #expect(try ask("monkeys", "pause", "--reason", "a test").code == 0)
        let isTold = await eventually { (try? ask("monkeys").output.contains("PAUSED")) ?? false }
        #expect(isTold)
        #expect(try ask("monkeys", "resume").code == 0)
        #expect(try ask("monkeys", "mode", "gift", "observe").code == 0)
        #expect(try ask("monkeys", "mode", "gift", "wild").code == 64)
        #expect(try ask("hold", other, "--reason", "kernel work").code == 0)
        let isHeld = await eventually { (try? ask("monkeys").output.contains("held: \(other)")) ?? false }
        #expect(isHeld)
        #expect(try ask("unhold", other).code == 0)
        #expect(try ask("drain", other).code == 0)
        let isDrained = await eventually {
            troop.status()?.servers.first { $0.host == other }?.state == "draining"
        }
        #expect(isDrained)
        #expect(try ask("undrain", other).code == 0)
        #expect(try ask("operations", "cancel", "nothing").code == 1)
        #expect(try ask("quarantine").output.contains("nobody"))
        #expect(try ask("operations").output.contains("no operations"))
    }

    /// What people have set is the troop's brake: a Redis that is emptied must not release it, nor keep a server that a vanished
    /// operation had drained.
    @Test(.timeLimit(.minutes(2))) func anEmptiedRedisReleasesNoBrake() async throws {
        let troop = try await begin()
        func ask(_ words: String...) throws -> (code: Int32?, output: String) {
            try Program.run(words, environment: ["TROOP_SOCKET=\(try troop.member("a").socket)"])
        }
        let isReady = await eventually { (try? ask("monkeys").code) == 0 }
        try #require(isReady)
        #expect(try ask("hold", "b", "--reason", "kernel work").code == 0)
        #expect(try ask("monkeys", "pause", "--reason", "a test").code == 0)
        let isKept = await eventually {
            (try? troop.redis.command("HGET", "troop:{test}:config", "kept")) == "$1\r\n1\r\n"
                && (try? ask("monkeys").output.contains("PAUSED")) ?? false
        }
        try #require(isKept, "\(troop.logs)")
        let server = "127.0.0.1:\(try troop.member("c").appPort)"
        try troop.redis.command(
            "HSET", "troop:{test}:servers", server,
            #"{"state":"draining","host":"c","by":"op:gone1","reason":"reboot","weight":100}"#)

        let isDrained = await eventually {
            ["a", "b", "c"].allSatisfy { name in
                troop.status(of: name)?.servers.first { $0.host == "c" }?.state == "draining"
            }
        }
        #expect(isDrained, "\(troop.logs)")

        try troop.redis.command("FLUSHALL")
        let isBack = await eventually(within: 20_000) {
            let fields = (try? troop.redis.command("HKEYS", "troop:{test}:config")) ?? ""
            return fields.contains("hold:b") && fields.contains("monkeys")
        }
        #expect(isBack, "\(troop.logs)")
        #expect(try ask("monkeys").output.contains("PAUSED"))
        let isToldOf = await eventually {
            (try? ask("events").output.contains("config.restored")) ?? false
        }
        #expect(isToldOf, "\(troop.logs)")
        let isActive = await eventually(within: 40_000) {
            troop.status()?.servers.first { $0.host == "c" }?.state == "active"
        }
        #expect(
            isActive, "\((try? troop.redis.command("HGETALL", "troop:{test}:servers")) ?? "") \(troop.logs)")
        let isExplained = await eventually {
            (try? ask("events").output.contains("operation gone1 is gone from Redis")) ?? false
        }
        #expect(isExplained, "\(troop.logs)")
    }

    /// A host that is gone for good leaves at a person's word; one that lives, or whose server is on the list, does not.
    @Test(.timeLimit(.minutes(2))) func aHostThatIsGoneForGoodIsForgotten() async throws {
        let troop = try await begin()
        let leader = try #require(troop.status()?.leader?.host)
        let gone = try #require(["a", "b", "c"].first { $0 != leader })
        func ask(_ words: String...) throws -> (code: Int32?, output: String) {
            try Program.run(words, environment: ["TROOP_SOCKET=\(try troop.member(leader).socket)"])
        }
        let isReady = await eventually { (try? ask("monkeys").code) == 0 }
        try #require(isReady)
        #expect(try ask("forget", "nobody").output.contains("there is no host 'nobody'"))
        let early = try ask("forget", gone)
        #expect(early.code == 1 && early.output.contains("stop its agent first"), "\(early)")
        #expect(try ask("hold", gone).code == 0)

        _ = try troop.killAgent(gone)
        troop.stopApp(gone)
        let server = "127.0.0.1:\(try troop.member(gone).appPort)"
        let isListed = await eventually(within: 30_000) {
            (try? ask("forget", gone).output.contains("'troop servers remove \(server)'")) ?? false
        }
        #expect(isListed, "\(troop.logs)")
        #expect(try ask("servers", "remove", server).code == 0)
        let isForgotten = await eventually(within: 30_000) { (try? ask("forget", gone).code) == 0 }
        try #require(isForgotten, "\(troop.logs)")
        let isOut = await eventually {
            guard let status = troop.status(of: leader) else { return false }
            return !status.hosts.contains { $0.name == gone } && !status.servers.contains { $0.host == gone }
        }
        #expect(isOut, "\(troop.logs)")
        #expect(try !ask("monkeys").output.contains("held: \(gone)"))
        // One that comes back is as good as new.
        try troop.startApp(gone)
        try troop.startAgent(gone)
        let isBack = await eventually(within: 20_000) { troop.isUp(servers: 3) }
        #expect(isBack, "\(troop.logs)")
    }

    // MARK: - Machines

    private static let provider = """
          provider: {kind: process, command: [/bin/sh, "@/machine.sh", "{name}", "{address}", "{boot_id_file}"], folder: "@/machines"}
        """

    /// A machine: an agent and an application of its own, at an address of its own.
    private func writeMachine(of troop: Ensemble) throws {
        let port = try RedisServer.freePort()
        let text = """
            dir=\(troop.folder)/$1
            mkdir -p $dir
            cat > $dir/agent.yaml <<END
            cluster: test
            host: {name: $1, address: $2, boot_id_file: $3}
            peer: {listen: "$2:\(port + 1)"}
            state: $dir/state
            redis: {url: "redis://127.0.0.1:\(troop.redis.port)/0"}
            api: {listen: "$2:\(port + 2)", socket: $dir/agent.sock}
            server: {listen: "$2:\(port)"}
            proxy: {listen: "127.0.0.1:\(troop.proxyPort)", workers: 1}
            metrics: {scope: process, pid_file: $dir/app.pid, cpu_allowance: 0.2}
            election: {never_lead: true}
            END
            \(Program.path) sample-app --address $2 --port \(port) --name app-$1 &
            echo $! > $dir/app.pid
            exec \(Program.path) agent --config $dir/agent.yaml
            """
        try Ensemble.write(text, to: "\(troop.folder)/machine.sh")
    }

    /// Launches by the provider's own log.
    private func launches(_ troop: Ensemble) -> [String] {
        Program.text(of: "\(troop.folder)/machines/log.jsonl").split(separator: "\n").map(String.init)
            .filter { $0.contains("\"launch\"") }
    }
}
