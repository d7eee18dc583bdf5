import Fixtures
import Glibc
import Testing

/// The command line in a real terminal, and where there is none.
@Suite(.serialized, .enabled(if: Python.hasTmux, "\(Python.need)")) struct TerminalTests {
    @Test(.timeLimit(.minutes(2))) func topIsLiveSortsAndLeavesTheTerminalAsItWas() async throws {
        try await Ensemble.withTwo { troop in
            let window = try TerminalWindow(columns: 80, rows: 24, in: troop)
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
        try await Ensemble.withTwo { troop in
            let window = try TerminalWindow(columns: 80, rows: 24, in: troop)
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
        try await Ensemble.withTwo { troop in
            let socket = "TROOP_SOCKET=\(try troop.member("a").socket)"
            let cases: [(variables: [String], isColoured: Bool)] = [
                ([], true), (["NO_COLOR=1"], false), (["TERM=dumb"], false), (["TERM="], false),
                (["-u TERM"], false),
            ]
            for (variables, isColoured) in cases {
                let window = try TerminalWindow(columns: 120, rows: 40, in: troop)
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
        try await Ensemble.withTwo { troop in
            let window = try TerminalWindow(columns: 40, rows: 60, in: troop)
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
        try await Ensemble.withTwo { troop in
            let window = try TerminalWindow(columns: 100, rows: 40, in: troop)
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
        try await Ensemble.withTwo { troop in
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
        try await Ensemble.withTwo { troop in
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
}
