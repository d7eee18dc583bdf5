import Fixtures
import FoundationEssentials
import Glibc
import Linux
import Peer
import Remediation
import Testing

/// Whoever may write to Redis may mislead a troop; he ends no agent with a number.
@Suite(.serialized, .timeLimit(.minutes(4))) struct HostileStoreTests {
    private static let prefix = "troop:{test}:"
    private static let extremes = ["-9223372036854775808", "9223372036854775807", "1e308", "-1", "nan"]
    /// How long agents look at what was planted: every key is read several times.
    private static let lookMilliseconds: Int64 = 6000

    /// Operations as no leader writes them, each with one number that cannot be.
    private var operations: [Operation] {
        var all: [Operation] = []
        func add(_ kind: Operation.Kind, _ change: (inout Operation) -> Void) {
            let ladder: [Remedy] = kind == .reboot ? [.reboot, .stopStart] : []
            var operation = Operation(
                id: "x\(all.count)", kind: kind, target: "b", ladder: ladder, epoch: 1, started: 1,
                reason: "planted", by: "nobody")
            change(&operation)
            all.append(operation)
        }
        add(.launch) { ($0.step, $0.phase, $0.cuts) = (.provision, .intent, .max) }
        add(.launch) { ($0.step, $0.attempt) = (.launch, .max) }
        add(.reboot) { ($0.rung, $0.isCommitted, $0.isDrained) = (-1, true, true) }
        add(.terminate) { ($0.rung, $0.address) = (.max, "10.0.0.1") }
        add(.reboot) { ($0.state, $0.started, $0.ended) = (.done, .min, 0) }
        add(.reboot) { ($0.state, $0.started, $0.ended) = (.done, 0, .max) }
        add(.reboot) { $0.epoch = .min }
        add(.reboot) { $0.note("x", atMs: .min) }
        return all
    }

    private func plant(_ redis: RedisServer) throws {
        func write(_ words: String...) throws { try redis.command(words) }
        let prefix = HostileStoreTests.prefix
        for (index, operation) in operations.enumerated() {
            let json = String(decoding: try JSONEncoder().encode(operation), as: UTF8.self)
            for revision in ["0", "9223372036854775807"] {
                let id = revision == "0" ? operation.id : "\(operation.id)-r"
                try write(
                    "HSET", "\(prefix)op:\(id)", "json",
                    json.replacing("\"\(operation.id)\"", with: "\"\(id)\""),
                    "revision", revision, "target", "b", "class", index == 0 ? "launch" : "treat")
                try write("ZADD", "\(prefix)ops", "1900000000000", id)
                try write("XADD", "\(prefix)ops:history", "*", "json", json)
            }
        }
        try write(
            "ZADD", "\(prefix)ops", "-9223372036854775808", "y1", "9223372036854775807", "y2", "inf", "y3")
        try write("ZADD", "\(prefix)ops:opened", "-inf", "launch:x", "9223372036854775807", "reboot:y")
        try write("HSET", "\(prefix)config", "doctor_handover", "a -9223372036854775808")
        for (index, number) in HostileStoreTests.extremes.enumerated() {
            try write("HSET", "\(prefix)suspects:words", "b|h\(index)", number)
            let host = "\(prefix)host:h\(index)"
            for field in [
                "seq", "cpu", "interval", "load1", "memory_total", "memory_available", "epoch", "cores",
                "steal",
                "iowait", "psi_cpu", "uptime", "boot", "tick_us",
            ] { try write("HSET", host, field, number) }
            try write("ZADD", "\(prefix)hosts", number == "nan" ? "-inf" : number, "h\(index)")
            try write(
                "HSET", "\(prefix)servers", "127.0.0.1:\(6000 + index)",
                "{\"state\":\"active\",\"weight\":\(number),\"since\":\(number)}")
            try write(
                "XADD", "\(prefix)history", "*", "at", number, "event", "elected", "epoch", number, "leader",
                "a")
            try write(
                "XADD", "\(prefix)events", "*", "at", number, "kind", "x.y", "text", number, "epoch", number)
        }
        let counters =
            "\"requests\":9223372036854775807,\"errors\":-9223372036854775808,\"inFlight\":9223372036854775807"
        let servers = [6000, 6001].map { "{\"address\":\"127.0.0.1:\($0)\",\"healthy\":true,\(counters)}" }
        try write(
            "SET", "\(prefix)traffic",
            "{\"epoch\":9223372036854775807,\"servers\":[\(servers.joined(separator: ","))]}")
        try write("HSET", "\(prefix)flags:rollout", "x", "y")
        try write("SET", "\(prefix)handover", "h0")
    }

    @Test func numbersInRedisEndNoAgent() async throws {
        let redis = try RedisServer()
        let troop = try Ensemble(
            election: """
                remediation:
                  doctor: {mode: observe, above: 90%, hold: 4s, unreachable: true}
                  gift: {mode: observe, above: 70%, clear: 60%, hold: 4s}
                  guard: {grace: 1s}
                """, store: (redis, "{url: \"redis://127.0.0.1:\(redis.port)/0\"}"))
        for member in troop.members { try troop.startAgent(member.name) }
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 3) }
        try #require(isUp, "\(troop.logs)")
        for round in 0..<3 {
            try plant(redis)
            let deadline = Instant.now().advanced(milliseconds: HostileStoreTests.lookMilliseconds)
            while Instant.now() < deadline {
                for member in troop.members {
                    #expect(try troop.agent(member.name).exitCode == nil, "\(troop.logs)")
                    for words in [
                        ["status", "-o", "wide"], ["hosts"], ["host", "h1"], ["events"], ["history"],
                        ["monkeys"],
                        ["operations", "list"], ["servers"], ["quarantine"],
                    ] {
                        let answer = try Program.run(words, environment: ["TROOP_SOCKET=\(member.socket)"])
                        #expect((answer.code ?? 128) < 128, "\(words): \(answer.output)")
                    }
                    _ = troop.get("/metrics", port: member.apiPort)
                }
            }
            // The next one has to live with it as well.
            guard round < 2, let leader = troop.status()?.leader?.host else { continue }
            _ = try troop.killAgent(leader)
            try troop.startAgent(leader)
            let hasLeader = await eventually(within: 20_000) { troop.status()?.leader != nil }
            #expect(hasLeader, "\(troop.logs)")
        }
        let isServing = await eventually { troop.get()?.status == 200 }
        #expect(isServing)
    }
}
