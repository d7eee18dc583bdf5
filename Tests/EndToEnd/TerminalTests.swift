import Fixtures
import Glibc
import Linux
import Testing
import Transfer

/// The command line in a real terminal, and where there is none.
@Suite(.serialized, .enabled(if: Python.hasTmux, "\(Python.need)")) struct TerminalTests {
    /// A tmux server of its own with one window.
    private final class Window {
        private let name = "troop-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        private let folder: String

        init(columns: Int, rows: Int, folder: String, environment: [String] = []) throws {
            self.folder = folder
            let variables = environment.flatMap { ["-e", $0] }
            _ = try tmux(
                ["new-session", "-d", "-x", "\(columns)", "-y", "\(rows)"] + variables + ["-s", "t", "sh"])
            _ = try tmux(["set-option", "-g", "status", "off"])
        }

        deinit { _ = try? tmux(["kill-server"]) }

        func type(_ line: String) throws { _ = try tmux(["send-keys", "-t", "t", line, "Enter"]) }
        func press(_ key: String) throws { _ = try tmux(["send-keys", "-t", "t", key]) }
        /// Writes whatever programs write into the window, byte by byte, to a file.
        func record(to path: String) throws { _ = try tmux(["pipe-pane", "-t", "t", "cat > \(path)"]) }
        func resize(columns: Int, rows: Int) throws {
            _ = try tmux(["resize-window", "-t", "t", "-x", "\(columns)", "-y", "\(rows)"])
        }
        var text: String { (try? tmux(["capture-pane", "-p", "-t", "t"])) ?? "" }
        /// The lines that have left the window at its upper end.
        var scrolled: String {
            (try? tmux(["display-message", "-p", "-t", "t", "#{history_size}"])) ?? "unknown"
        }
        /// The text with what sets colours.
        var colours: String { (try? tmux(["capture-pane", "-p", "-e", "-t", "t"])) ?? "" }

        private func tmux(_ arguments: [String]) throws -> String {
            let path = "\(folder)/tmux-\(UInt32.random(in: 0 ... .max))"
            defer { unlink(path) }
            let words = ["tmux", "-L", name] + arguments
            let line = words.map { "'" + $0.replacing("'", with: "'\\''") + "'" }.joined(separator: " ")
            let child = try Shell.start("\(line) > \(path)")
            waitpid(child, nil, 0)
            return Program.text(of: path)
        }
    }

    private func withTroop(_ body: (Ensemble) async throws -> Void) async throws {
        let troop = try Ensemble(["a", "b"])
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 2) }
        try #require(isUp, "\(troop.logs)")
        try await body(troop)
    }

    @Test(.timeLimit(.minutes(2))) func topIsLiveSortsAndLeavesTheTerminalAsItWas() async throws {
        try await withTroop { troop in
            let window = try Window(
                columns: 80, rows: 24, folder: troop.folder,
                environment: ["TROOP_SOCKET=\(try troop.member("a").socket)"])
            try window.type("echo before; \(Program.path) top; echo after $(stty -a | grep -c -- ' echo ')")
            #expect(await eventually { window.text.contains("sort: c cpu") }, "\(window.text)")
            let lines = window.text.split(separator: "\n", omittingEmptySubsequences: false)
            // Nothing of the last column is cut off.
            #expect(lines.contains { $0.hasPrefix("HOST") && $0.hasSuffix("SERVER") }, "\(lines)")
            #expect(!window.text.contains("before"))
            try window.press("n")
            #expect(
                await eventually {
                    let rows = window.text.split(separator: "\n").filter {
                        $0.hasPrefix("a ") || $0.hasPrefix("b ")
                    }
                    return rows.count == 2 && rows[0].hasPrefix("a ")
                })
            try window.press("r")
            #expect(
                await eventually {
                    window.text.split(separator: "\n").first { $0.hasPrefix("a ") || $0.hasPrefix("b ") }?
                        .hasPrefix("b ")
                        ?? false
                })
            try window.resize(columns: 40, rows: 10)
            #expect(await eventually { window.text.contains("HOST") && !window.text.contains("REQ/S") })
            // An agent that dies is told, with the age of what is shown.
            try window.resize(columns: 80, rows: 24)
            _ = try troop.killAgent("a")
            #expect(await eventually { window.text.contains("old: no agent answers") }, "\(window.text)")
            try window.press("q")
            #expect(await eventually { window.text.contains("after 1") }, "\(window.text)")
            #expect(window.text.contains("before"), "the screen before is back")
        }
    }

    @Test(.timeLimit(.minutes(2))) func aSignalLeavesTheTerminalAsItWas() async throws {
        try await withTroop { troop in
            let window = try Window(
                columns: 80, rows: 24, folder: troop.folder,
                environment: ["TROOP_SOCKET=\(try troop.member("a").socket)"])
            try window.type(
                "\(Program.path) top & echo $! > \(troop.folder)/top.pid; fg; stty -a | grep -c -- ' echo '")
            #expect(await eventually { window.text.contains("sort: c cpu") }, "\(window.text)")
            let id = try #require(
                pid_t(
                    Program.text(of: "\(troop.folder)/top.pid").split(separator: "\n").first.map(String.init)
                        ?? ""))
            kill(id, SIGTERM)
            #expect(
                await eventually {
                    window.text.split(separator: "\n").last?.hasPrefix("1") == true
                        || window.text.contains("\n1\n")
                }, "\(window.text)")
        }
    }

    @Test(.timeLimit(.minutes(2))) func colourIsForTerminalsThatWantIt() async throws {
        try await withTroop { troop in
            let socket = "TROOP_SOCKET=\(try troop.member("a").socket)"
            let cases: [(variables: [String], isColoured: Bool)] = [
                ([], true), (["NO_COLOR=1"], false), (["TERM=dumb"], false), (["TERM="], false),
                (["-u TERM"], false),
            ]
            for (variables, isColoured) in cases {
                let window = try Window(columns: 120, rows: 40, folder: troop.folder, environment: [socket])
                // Whoever runs the tests may not want colours.
                let line = "env -u NO_COLOR \(variables.joined(separator: " ")) \(Program.path) status"
                try window.type("\(line); echo $((40 + 2))end")
                #expect(await eventually { window.text.contains("42end") }, "\(window.text)")
                #expect(
                    window.colours.contains("\u{1B}[32m") == isColoured, "\(variables) \(window.colours)")
            }
            let top = try Program.run(["top"], environment: [socket])
            #expect(top.code == 1 && top.output.contains("needs a terminal"))
        }
    }

    @Test(.timeLimit(.minutes(2))) func narrowTerminalsGetWholeLinesAndPipesGetAllColumns() async throws {
        try await withTroop { troop in
            let window = try Window(
                columns: 40, rows: 60, folder: troop.folder,
                environment: ["TROOP_SOCKET=\(try troop.member("a").socket)"])
            try window.type("\(Program.path) status; echo $((40 + 2))end")
            #expect(await eventually { window.text.contains("42end") }, "\(window.text)")
            let lines = window.text.split(separator: "\n")
            let head = try #require(lines.firstIndex { $0.hasPrefix("SERVER") }, "\(lines)")
            #expect(lines[head].contains("HEALTH") && !window.text.contains("WEIGHT"), "\(lines)")
            #expect(lines[head + 1].hasPrefix("127.0.0.1:") && lines[head + 2].hasPrefix("127.0.0.1:"))
            try window.type("\(Program.path) status | grep -c WEIGHT; echo $((40 + 3))end")
            #expect(await eventually { window.text.contains("\n1\n43end") }, "\(window.text)")
        }
    }

    @Test(.timeLimit(.minutes(2))) func aWatchedStatusChangesInItsPlace() async throws {
        try await withTroop { troop in
            let window = try Window(
                columns: 100, rows: 40, folder: troop.folder,
                environment: ["TROOP_SOCKET=\(try troop.member("a").socket)"])
            try window.type("\(Program.path) status --watch")
            /// Whether the window shows one status from its first line on, and nothing of another one.
            func isOne() -> Bool {
                let lines = window.text.split(separator: "\n")
                return lines.first?.hasPrefix("cluster test") == true
                    && ["cluster ", "this agent ", "HOST ", "SERVER "].allSatisfy { head in
                        lines.filter { $0.hasPrefix(head) }.count == 1
                    }
            }
            #expect(await eventually { isOne() }, "\(window.text)")
            let scrolled = window.scrolled
            let added = try troop.command("a", "servers", "add", "10.9.9.9:1", "--state", "out")
            #expect(added.code == 0, "\(added.output)")
            #expect(await eventually { window.text.contains("\n10.9.9.9:1 ") && isOne() }, "\(window.text)")
            let paused = try troop.command("a", "pause", "--reason", "new cables")
            #expect(paused.code == 0, "\(paused.output)")
            #expect(await eventually { window.text.contains("new cables") && isOne() }, "\(window.text)")
            // What is shorter than before leaves nothing behind.
            _ = try troop.command("a", "resume")
            _ = try troop.command("a", "servers", "remove", "10.9.9.9:1")
            let isGone = await eventually {
                !window.text.contains("10.9.9.9:1") && !window.text.contains("new cables") && isOne()
            }
            #expect(isGone, "\(window.text)")
            #expect(window.scrolled == scrolled && scrolled != "unknown", "\(scrolled)")
        }
    }

    @Test(.timeLimit(.minutes(2))) func eventsAreThoseOfATimeAndGoOn() async throws {
        try await withTroop { troop in
            func tell(_ text: String) throws {
                try troop.redis.command(
                    "XADD", "troop:{test}:events", "*", "event",
                    "{\"kind\":\"remedy.command\",\"severity\":\"info\",\"text\":\"\(text)\",\"host\":\"a\",\"at_ms\":1,\"details\":{}}"
                )
            }
            let socket = "TROOP_SOCKET=\(try troop.member("a").socket)"
            let follower = try Program(
                ["events", "--follow", "--kind", "remedy"], log: "\(troop.folder)/follow.log",
                environment: [socket])
            try await Task.sleep(for: .seconds(4))
            try tell("first news")
            let young = try troop.command("a", "events", "--since", "3s").output
            #expect(young.contains("first news") && !young.contains("election.promoted"), "\(young)")
            let all = try troop.command("a", "events", "--since", "1h").output
            #expect(all.contains("first news") && all.contains("election.promoted"), "\(all)")
            #expect(await eventually { follower.output.contains("first news") }, "\(follower.output)")
            try tell("second news")
            #expect(await eventually { follower.output.contains("second news") }, "\(follower.output)")
            // Told once each, however often it asks.
            try await Task.sleep(for: .seconds(2))
            let told = follower.output.split(separator: "\n").filter { $0.contains("remedy.command") }
            #expect(told.count == 2, "\(follower.output)")
            #expect(follower.exitCode == nil)
        }
    }

    @Test(arguments: ["server.", "sever", "server.ill", "Server", "", "a\u{1b}[31m"])
    func aKindOfEventsThatNobodyTellsOfIsRefused(_ kind: String) throws {
        let refused = try Program.run(["events", "--kind", kind])
        #expect(refused.code == 64, "\(refused.output)")
        #expect(refused.output.contains("server (added, removed, state"), "\(refused.output)")
        #expect(!refused.output.contains("\u{1b}"))
    }

    @Test(.timeLimit(.minutes(2))) func aClosedPipeEndsWhatGoesOnAndOn() async throws {
        try await withTroop { troop in
            let socket = try troop.member("a").socket
            for words in ["status --watch", "events --follow", "status -o json --watch"] {
                let child = try Shell.start(
                    "TROOP_SOCKET=\(socket) \(Program.path) \(words) | head -n 1 > /dev/null")
                // Something must happen, so that there is something to write into the closed pipe.
                var turn = 0
                let ended = await eventually(within: 20_000) {
                    turn += 1
                    if turn.isMultiple(of: 100) {
                        _ = try? troop.command("a", "servers", "add", "10.9.9.9:\(1000 + turn / 100)")
                    }
                    return waitpid(child, nil, WNOHANG) == child
                }
                #expect(ended, "\(words)")
                if !ended { kill(child, SIGKILL) }
            }
        }
    }

    @Test(arguments: ["version", "version -o json", "--help", "--version", "completions bash"])
    func outputThatCannotBeWrittenIsAFailure(_ words: String) throws {
        for target in ["/dev/full", "&-"] {
            let child = try Shell.start(
                """
                told=$(\(Program.path) \(words) 2>&1 >\(target)); test $? = 1 || exit 1
                case $told in *'cannot write to standard output'*) exit 0 ;; esac
                exit 2
                """)
            var status: Int32 = 0
            waitpid(child, &status, 0)
            #expect(status == 0, "\(words) \(target)")
        }
    }

    private static let hostile = "x\u{1B}]0;owned\u{07}<b>\u{202E}🐒"

    /// A server, an event, a host and flags that nobody but a stranger with Redis's password writes.
    private func plantHostileNames(_ troop: Ensemble) throws {
        let name = TerminalTests.hostile + String(repeating: "y", count: 3000)
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
        try troop.redis.command("ZADD", "troop:{test}:hosts", now, "evil", now, TerminalTests.hostile)
        for host in ["evil", TerminalTests.hostile] {
            try troop.redis.command(
                [
                    "HSET", "troop:{test}:host:\(host)", "seq", now, "at", now, "interval_ms", "1000", "role",
                    TerminalTests.hostile, "address", TerminalTests.hostile, "boot_id", TerminalTests.hostile,
                    "agent_version", name, "server", TerminalTests.hostile, "api", TerminalTests.hostile,
                    "cpu", TerminalTests.hostile, "load1", TerminalTests.hostile,
                ])
        }
        let text = escaped(TerminalTests.hostile)
        let definition =
            "{\"state\":\"ENABLED\",\"variants\":{\"\(text)\":\"\(text)\"},\"defaultVariant\":\"\(text)\"}"
        try troop.redis.command(
            "HSET", "troop:{test}:flags", "evil", definition, TerminalTests.hostile, definition, "broken",
            TerminalTests.hostile)
    }

    @Test(.timeLimit(.minutes(2))) func hostileNamesReachNoTerminal() async throws {
        try await withTroop { troop in
            try plantHostileNames(troop)
            for (word, name) in [("status", "10.9.9.9:1"), ("hosts", "evil"), ("flags", "evil")] {
                let shows = { (try? troop.command("a", word).output.contains(name)) ?? false }
                #expect(await eventually { shows() }, "\(word)")
            }
            for words in [
                ["status"], ["status", "-o", "wide"], ["servers"], ["events"], ["status", "-o", "yaml"],
                ["hosts"], ["hosts", "-o", "wide"], ["host", "evil"], ["host", TerminalTests.hostile],
                ["flags"], ["flags", "eval", TerminalTests.hostile], ["flags", "get", TerminalTests.hostile],
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
        try await withTroop { troop in
            try plantHostileNames(troop)
            let window = try Window(
                columns: 120, rows: 24, folder: troop.folder,
                environment: ["TROOP_SOCKET=\(try troop.member("a").socket)"])
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
