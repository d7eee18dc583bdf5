import Linux
import Peer
import Testing

@testable import troop

/// What `troop status` and `troop top` show of operations under way.
@Suite struct OperationsShownTests {
    /// When the operations are looked at, three minutes and a bit after the first began.
    private static let now: Int64 = 1_795_000_200_000

    private func operation(
        _ kind: String, _ target: String, state: String = "running", step: String,
        agoMilliseconds: Int64 = 200_000,
        reason: String = "cpu above 90 % for 5 min"
    ) -> String {
        let started = WallClock.universal(OperationsShownTests.now - agoMilliseconds)
        return #"""
            {"id": "mp3xk2ab7q1", "kind": "\#(kind)", "target": "\#(target)", "state": "\#(state)",
            "step": "\#(step)", "epoch": 7, "started": "\#(started)", "reason": "\#(reason)"}
            """#
    }

    /// A status with one host and these operations; null when nobody tells.
    private func status(_ operations: [String]?) throws -> Status {
        let list = operations.map { "[\($0.joined(separator: ","))]" } ?? "null"
        let text = #"""
            {"cluster": "c", "store": {"reachable": true}, "notices": [], "servers": [],
            "agent": {"host": "a", "version": "1", "election": "leader", "serving": true, "proxy": ""},
            "leader": {"host": "h1", "epoch": 12},
            "hosts": [{"name": "h1", "address": "", "role": "leader", "state": "up", "cpu": 0.5}],
            "operations": \#(list)}
            """#
        return try JSONForm.document(Status.self, from: Array(text.utf8))
    }

    private func table(_ operations: [String], columns: Int?, wide: Bool = false) throws -> [String] {
        let shown = try #require(try status(operations).operations)
        return ShownLines.of(
            OperationsText.underWay(
                shown, wide: wide, columns: columns, atMilliseconds: OperationsShownTests.now))
    }

    @Test func aPipeHasEveryColumn() throws {
        let rows = try table(
            [
                operation("reboot", "web-1", step: "drain"),
                operation(
                    "launch", "web-7", state: "waiting", step: "launch", agoMilliseconds: -5000,
                    reason: "too hot"),
            ], columns: nil)
        #expect(
            rows.map(ShownLines.cells) == [
                ["OPERATIONS", "STATE", "STEP", "SINCE", "ID", "WHY"],
                ["reboot web-1", "running", "drain", "3 min", "mp3xk2ab7q1", "cpu above 90 % for 5 min"],
                // It began by a clock that is ahead of this one.
                ["launch web-7", "waiting", "launch", "0 ms", "mp3xk2ab7q1", "too hot"],
            ])
    }

    @Test func eightyColumnsKeepWhatMatters() throws {
        let short = try table([operation("reboot", "web-1", step: "drain")], columns: 80)
        #expect(short.first.map(ShownLines.cells) == ["OPERATIONS", "STATE", "STEP", "SINCE", "ID", "WHY"])
        let long = try table([operation("replace", "web-frankfurt-1", step: "production")], columns: 80)
        #expect(
            long.prefix(2).map(ShownLines.cells) == [
                ["OPERATIONS", "STATE", "STEP", "SINCE", "WHY"],
                ["replace web-frankfurt-1", "running", "production", "3 min", "cpu above 90 % for 5 min"],
            ])
    }

    @Test(arguments: [120, 80, 40]) func noLineIsBroken(_ columns: Int) throws {
        for target in [
            "web-1", String(repeating: "long-name-", count: 6), String(repeating: "日本", count: 15),
        ] {
            let shown = operation(
                "restart-app", target, step: "application", reason: String(repeating: "hot and ", count: 20))
            let rows = try table([shown, shown], columns: columns)
            for row in rows { #expect(ShownText.width(of: row) <= columns, "\(row)") }
            #expect(rows.first?.hasSuffix("WHY") == true, "\(rows)")
            #expect(rows.contains { $0.hasPrefix("restart") && $0.contains("hot and") }, "\(rows)")
        }
    }

    @Test func theWideTableHasEveryColumnOnATerminal() throws {
        let rows = try table([operation("reboot", "web-1", step: "drain")], columns: 60, wide: true)
        #expect(rows.first.map(ShownLines.cells) == ["OPERATIONS", "STATE", "STEP", "SINCE", "ID", "WHY"])
    }

    @Test func theyStandInFrontOfTheHosts() throws {
        let shown = ShownLines.of(
            StatusText(try status([operation("reboot", "web-1", step: "drain")]), columns: 80).text)
        let operations = try #require(shown.firstIndex { $0.hasPrefix("OPERATIONS") }, "\(shown)")
        let hosts = try #require(shown.firstIndex { $0.hasPrefix("HOST ") }, "\(shown)")
        #expect(operations < hosts && shown[operations + 1].hasPrefix("reboot web-1 "), "\(shown)")
    }

    @Test func withoutAnyNothingIsShown() throws {
        for none in [try status(nil), try status([])] {
            #expect(!StatusText(none, columns: 80).text.contains("OPERATIONS"))
            var screen = TopScreen()
            screen.take(none, atMilliseconds: 0)
            #expect(!screen.text(columns: 80, rows: 24, atMilliseconds: 0).contains("operation"))
        }
    }

    @Test func whatIsInRedisReachesNoTerminal() throws {
        let hostile = "\\u001b[2Jx\\u202e\\n" + String(repeating: "y", count: 3000)
        let shown = try status([operation(hostile, hostile, state: hostile, step: hostile, reason: hostile)])
        let operations = try #require(shown.operations)
        let texts = [
            OperationsText.underWay(operations, wide: true, columns: nil),
            try #require(OperationsText.line(operations)),
        ]
        for text in texts {
            #expect(!text.contains("\u{1B}[2J") && !text.contains("\u{202E}"))
            #expect(text.contains("?[2Jx??"), "\(text.prefix(200))")
            #expect(text.count < 2 * ShownText.sentenceColumnsMax)
        }
    }

    @Test(arguments: [400, 120, 80, 40, 20]) func topHasALineOfThem(_ columns: Int) throws {
        let shown = try status([
            operation("reboot", "web-1", step: "drain"),
            operation("launch", "web-7", state: "waiting", step: "launch"),
        ])
        var screen = TopScreen()
        screen.take(shown, atMilliseconds: 0)
        let rows = ShownLines.of(screen.text(columns: columns, rows: 24, atMilliseconds: 0))
        for row in rows { #expect(ShownText.width(of: row) <= columns, "\(row)") }
        let whole = "2 operations: reboot web-1 (drain), launch web-7 (waiting)"
        #expect(rows.contains(String(whole.prefix(columns))), "\(rows)")
        #expect(rows.contains { $0.hasPrefix("h1 ") }, "\(rows)")
    }

    @Test func theLineOfOperationsTakesARowOfTheHosts() throws {
        for operations in [[], [operation("reboot", "web-1", step: "drain")]] {
            var screen = TopScreen()
            screen.take(try status(operations), atMilliseconds: 0)
            let text = screen.text(columns: 80, rows: 24, atMilliseconds: 0)
            #expect(text.count(where: { $0 == "\n" }) == 24, "\(text)")
        }
        let one = try status([operation("reboot", "web-1", step: "drain")])
        #expect(OperationsText.line(one.operations ?? []) == "1 operation: reboot web-1 (drain)")
    }
}
