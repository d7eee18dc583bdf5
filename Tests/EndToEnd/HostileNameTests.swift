import Fixtures
import Glibc
import Linux
import Testing

/// Names that a stranger wrote into Redis, and the terminals that they would take over.
@Suite(.serialized, .enabled(if: Python.hasTmux, "\(Python.need)")) struct HostileNameTests {
    private static let hostile = "x\u{1B}]0;owned\u{07}<b>\u{202E}🐒"

    /// A server, an event, a host and flags that nobody but a stranger with Redis's password writes.
    private func plant(_ troop: Ensemble) throws {
        let name = Self.hostile + String(repeating: "y", count: 3000)
        func escaped(_ text: String) -> String {
            text.replacing("\u{1B}", with: "\\u001b").replacing("\u{07}", with: "\\u0007")
        }
        try troop.redis.command(
            "HSET", "troop:{test}:servers", "10.9.9.9:1",
            "{\"host\":\"\(escaped(name))\",\"reason\":\"\\u001b[2J\"}")
        try troop.redis.command(
            "XADD", "troop:{test}:events", "*", "event",
            "{\"kind\":\"\\u001b[31m\",\"severity\":\"error\",\"text\":\"\\u001b[2J<img>\",\"host\":\"\\u009b1m\",\"at_ms\":1,\"details\":{}}"
        )
        let now = "\(WallClock.milliseconds())"
        try troop.redis.command("ZADD", "troop:{test}:hosts", now, "evil", now, Self.hostile)
        for host in ["evil", Self.hostile] {
            try troop.redis.command(
                [
                    "HSET", "troop:{test}:host:\(host)", "seq", now, "at", now, "interval_ms", "1000", "role",
                    Self.hostile, "address", Self.hostile, "boot_id",
                    Self.hostile,
                    "agent_version", name, "server", Self.hostile, "api",
                    Self.hostile,
                    "cpu", Self.hostile, "load1", Self.hostile,
                ])
        }
        let text = escaped(Self.hostile)
        let definition =
            "{\"state\":\"ENABLED\",\"variants\":{\"\(text)\":\"\(text)\"},\"defaultVariant\":\"\(text)\"}"
        try troop.redis.command(
            "HSET", "troop:{test}:flags", "evil", definition, Self.hostile, definition, "broken",
            Self.hostile)
    }

    @Test(.timeLimit(.minutes(2))) func hostileNamesReachNoTerminal() async throws {
        try await Ensemble.withTwo { troop in
            try plant(troop)
            for (word, name) in [("status", "10.9.9.9:1"), ("hosts", "evil"), ("flags", "evil")] {
                let shows = { (try? troop.command("a", word).output.contains(name)) ?? false }
                #expect(await eventually { shows() }, "\(word)")
            }
            for words in [
                ["status"], ["status", "-o", "wide"], ["servers"], ["events"], ["status", "-o", "yaml"],
                ["hosts"], ["hosts", "-o", "wide"], ["host", "evil"], ["host", Self.hostile],
                ["flags"], ["flags", "eval", Self.hostile],
                ["flags", "get", Self.hostile],
            ] {
                let output = try Program.run(
                    words, environment: ["TROOP_SOCKET=\(try troop.member("a").socket)"]
                ).output
                let isClean = output.unicodeScalars.allSatisfy {
                    $0 == "\n"
                        || ($0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) && $0.value != 0x202E)
                }
                #expect(isClean, "\(words)")
            }
        }
    }

    /// It places text itself, so that what it writes is looked at as a terminal gets it.
    @Test(.timeLimit(.minutes(2))) func hostileNamesReachNoScreenOfTop() async throws {
        try await Ensemble.withTwo { troop in
            try plant(troop)
            let window = try TerminalWindow(columns: 120, rows: 24, in: troop)
            let path = "\(troop.folder)/top.raw"
            try window.record(to: path)
            try window.type("\(Program.path) top")
            #expect(await eventually { window.text.contains("evil") }, "\(window.text)")
            let written = Program.text(of: path)
            #expect(written.contains("evil"))
            for scalar in ["\u{07}", "\u{202E}"] { #expect(!written.contains(scalar)) }
            #expect(!written.contains("\u{1B}]0"))
        }
    }
}
