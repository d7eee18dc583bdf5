import Linux
import Peer
import Testing

@testable import troop

@Suite struct ShownTextTests {
    @Test(arguments: [
        ("plain", "plain"), ("a\u{1B}[31mred", "a?[31mred"), ("a\nb\tc\r", "a?b?c?"),
        ("\u{202E}gnp.exe", "?gnp.exe"),
        ("zero\u{200B}width", "zero?width"), ("\u{9B}31m", "?31m"), ("é", "é"), ("🐒", "🐒"), ("", ""),
    ]) func whatCannotBeSeenIsSeen(_ text: String, _ shown: String) {
        #expect(ShownText.clean(text) == shown)
    }

    @Test func longTextsAreCutToColumns() {
        #expect(
            ShownText.width(of: ShownText.clean(String(repeating: "x", count: 10_240)))
                == ShownText.columnsMax)
        #expect(ShownText.clean("abcdef", columns: 4) == "abc…")
        #expect(ShownText.clean("日本語", columns: 4) == "日…")
        #expect(ShownText.width(of: "日本") == 4 && ShownText.width(of: "🙈a") == 3)
    }

    @Test func aHeapOfMarksIsNoLetter() {
        let heap = "a" + String(repeating: "\u{0301}", count: 200)
        #expect(ShownText.clean(heap) == "?")
    }

    @Test func columnsStayInLineWhateverTheCellsHold() {
        var table = Table(["NAME", "STATE"])
        for name in ["a", "日本", "🙈🙉", "\u{1B}[2J", String(repeating: "y", count: 500)] {
            table.add([.init(name), "up"])
        }
        let ends = table.text(columns: nil).split(separator: "\n").map { line in
            ShownText.width(of: String(line))
        }
        #expect(Set(ends.dropFirst()).count == 1, "\(table.text(columns: nil))")
        #expect(!table.text(columns: nil).contains("\u{1B}"))
    }

    private func advice(_ name: String, _ sentence: String) -> Table {
        var table = Table(["NAME", "ADVICE"])
        table.add([.init(name), .init(sentence)])
        return table
    }

    @Test func theLastColumnIsWholeInAPipe() {
        let sentence = String(repeating: "because ", count: 60) + "CONFIG SET appendonly yes"
        #expect(advice("redis", sentence).text(columns: nil).hasSuffix("\(sentence)\n"))
        let hostile = String(repeating: "x", count: 10_240)
        #expect(advice(hostile, hostile).text(columns: nil).count < 2 * ShownText.sentenceColumnsMax)
    }

    @Test func theLastColumnGoesOnBelowItselfOnATerminal() {
        let sentence = "held or asked for since then; CONFIG SET appendonly yes"
        #expect(
            advice("redis", sentence).text(columns: 32) == """
                NAME   ADVICE
                redis  held or asked for since
                       then; CONFIG SET
                       appendonly yes

                """)
        let long = advice("redis", String(repeating: "日", count: 40)).text(columns: 32)
        #expect(long.split(separator: "\n").allSatisfy { ShownText.width(of: String($0)) <= 32 }, "\(long)")
        // Without room for a column the terminal may break lines where it likes.
        #expect(advice("redis", sentence).text(columns: 20).hasSuffix("  \(sentence)\n"))
    }
}

@Suite struct EventLinesTests {
    @Test func laterEventsStandUnderThoseBefore() throws {
        func event(_ host: String, _ kind: String) throws -> EventLine {
            try JSONForm.document(
                EventLine.self,
                from: Array(
                    #"{"id":"1-0","kind":"\#(kind)","severity":"","text":"TEXT","host":"\#(host)","at_ms":0,"details":{}}"#
                        .utf8))
        }
        func places(_ text: String) -> Set<Int> {
            var found: Set<Int> = []
            for line in text.split(separator: "\n" as Character) {
                found.insert(line.prefix(while: { $0 != "T" }).count)
            }
            return found
        }
        var lines = EventLines()
        let short = try event("b", "host.lost")
        let long = try event("web-1", "election.promoted")
        let first = lines.text([short, long])
        #expect(places(first).count == 1 && first.contains("  web-1  election.promoted  TEXT\n"), "\(first)")
        let later = lines.text([short])
        #expect(places(later) == places(first), "\(later)")
    }
}

@Suite struct OperationsTextTests {
    @Test(arguments: [0, 951_782_400_000, 1_795_000_000_000, 253_402_300_799_000] as [Int64])
    func momentsAreShownInTheHostsTime(_ milliseconds: Int64) {
        let shown = OperationsText.local(WallClock.universal(milliseconds))
        #expect(shown == WallClock.local(milliseconds))
    }

    @Test(arguments: [
        "", "-", "292277026596-12-04T15:30:07Z", "2026-99-99T99:99:99Z", "1\n2\n3\n4\n5\n6........Z",
    ])
    func whatIsNoMomentStaysAsItIs(_ text: String) {
        #expect(OperationsText.local(text) == Table.printable(text))
    }
}

@Suite struct YAMLTextTests {
    private struct Document: Encodable {
        var name: String
        var list: [Inner]
        var empty: [String] = []
        var missing: String? = nil
    }
    private struct Inner: Encodable {
        var a: String
        var b: Double
    }

    @Test func documentsAreBlocksWithQuotesWhereTheyAreNeeded() {
        let document = Document(
            name: "yes", list: [Inner(a: "x: y\n#", b: 0.5), Inner(a: "\u{1B}[31m", b: 2)])
        #expect(
            YAMLText.text(of: document) == """
                empty: []
                list:
                  - a: "x: y\\n#"
                    b: 0.5
                  - a: "\\u001b[31m"
                    b: 2
                name: "yes"

                """)
    }
}

@Suite struct TopScreenTests {
    private func status(_ cpus: [String: Double]) throws -> Status {
        let hosts = cpus.map { name, cpu in
            #"{"name":"\#(name)","address":"","role":"standby","state":"up","cpu":\#(cpu)}"#
        }
        return try JSONForm.document(
            Status.self,
            from: Array(
                #"{"cluster":"c","store":{"reachable":true},"agent":{"host":"a","version":"1","election":"leader","serving":true,"proxy":""},"leader":{"host":"a","epoch":1},"hosts":[\#(hosts.joined(separator: ","))],"servers":[],"notices":[]}"#
                    .utf8))
    }

    private func names(_ screen: TopScreen, columns: Int = 80, rows: Int = 24) -> [String] {
        screen.text(columns: columns, rows: rows, atMilliseconds: 0).split(separator: "\n")
            .compactMap { line in line.split(separator: " ").first.map(String.init) }
            .filter { $0.hasPrefix("h") && !$0.hasPrefix("host") }
    }

    @Test func keysSortAndTurnTheOrderAround() throws {
        var screen = TopScreen()
        screen.take(try status(["h1": 0.2, "h2": 0.9, "h3": 0.5]), atMilliseconds: 0)
        #expect(names(screen) == ["h2", "h3", "h1"])
        screen.press(.reverse, rows: 24)
        #expect(names(screen) == ["h1", "h3", "h2"])
        screen.press(.order(.name), rows: 24)
        #expect(names(screen) == ["h1", "h2", "h3"])
        screen.press(.order(.name), rows: 24)
        #expect(names(screen) == ["h3", "h2", "h1"], "the same key again turns it around")
        screen.press(.quit, rows: 24)
        #expect(screen.isDone)
    }

    @Test func itScrollsNoFurtherThanThereIsSomething() throws {
        var screen = TopScreen()
        screen.take(
            try status(Dictionary((10..<60).map { ("h\($0)", Double($0) / 100) }) { a, _ in a }),
            atMilliseconds: 0)
        #expect(names(screen, rows: 15).first == "h59")
        screen.press(.up, rows: 15)
        #expect(names(screen, rows: 15).first == "h59")
        screen.press(.end, rows: 15)
        #expect(names(screen, rows: 15).last == "h10")
        screen.press(.pageDown, rows: 15)
        #expect(names(screen, rows: 15).last == "h10")
        screen.press(.home, rows: 15)
        #expect(names(screen, rows: 15).first == "h59")
    }

    @Test(arguments: [(80, 24), (40, 10), (20, 6), (1, 1), (400, 100)]) func everySizeHolds(
        _ columns: Int, _ rows: Int
    ) throws {
        var screen = TopScreen()
        #expect(!screen.text(columns: columns, rows: rows, atMilliseconds: 0).isEmpty)
        screen.take(try status(["h1": 0.2]), atMilliseconds: 0)
        let lines = screen.text(columns: columns, rows: rows, atMilliseconds: 0).split(separator: "\n")
        #expect(lines.count <= max(rows, 6))
    }

    @Test func keysAndPlaceFitEightyColumns() throws {
        var screen = TopScreen()
        let hosts = Dictionary(uniqueKeysWithValues: (10..<60).map { ("h\($0)", Double($0) / 100) })
        screen.take(try status(hosts), atMilliseconds: 0)
        screen.press(.end, rows: 15)
        let text = screen.text(columns: 80, rows: 15, atMilliseconds: 0)
        #expect(text.contains("\n41-50 of 50\n"), "\(text)")
        #expect(text.hasSuffix("s state  n name\n"), "\(text)")
    }

    @Test func oldNumbersSayThatTheyAreOld() throws {
        var screen = TopScreen()
        screen.take(try status(["h1": 0.2]), atMilliseconds: 1000)
        screen.fail("no agent answers")
        #expect(
            screen.text(columns: 80, rows: 24, atMilliseconds: 43_000).contains("42 s old: no agent answers"))
    }

    @Test func terminalsSendKeysInManyWays() {
        #expect(Keyboard.keys(in: Array("cmr".utf8)) == [.order(.cpu), .order(.memory), .reverse])
        #expect(
            Keyboard.keys(in: Array("\u{1B}[A\u{1B}OB\u{1B}[5~\u{1B}[6~".utf8)) == [
                .up, .down, .pageUp, .pageDown,
            ])
        #expect(Keyboard.keys(in: [0x1B]) == [.quit] && Keyboard.keys(in: [3]) == [.quit])
        #expect(Keyboard.keys(in: Array("q".utf8)) == [.quit] && Keyboard.keys(in: [0xFF]) == [.other])
    }
}
