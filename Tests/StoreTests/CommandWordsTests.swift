import Fixtures
import Store
import Testing

/// Words as Redis takes them, numbers above all.
@Suite struct CommandWordsTests {
    private func written(_ body: (inout CommandWords) -> Void) -> String {
        var words = CommandWords()
        body(&words)
        return String(decoding: words.bytes, as: UTF8.self)
    }

    @Test func eachWordHasItsLengthBeforeIt() {
        let text = written {
            $0.append("name" as StaticString)
            $0.append("é" as String)
            $0.append("")
        }
        #expect(text == "$4\r\nname\r\n$2\r\né\r\n$0\r\n\r\n")
    }

    @Test(
        arguments: [(0, "0"), (7, "7"), (-1, "-1"), (1_764_000_000_000, "1764000000000")] as [(Int64, String)]
    )
    func wholeNumbers(_ number: Int64, _ expected: String) {
        #expect(written { $0.append(whole: number) } == "$\(expected.utf8.count)\r\n\(expected)\r\n")
    }

    @Test func theLargestNumbersFit() {
        let text = written {
            $0.append(whole: .min)
            $0.append(whole: .max)
        }
        #expect(text == "$20\r\n\(Int64.min)\r\n$19\r\n\(Int64.max)\r\n")
    }

    @Test(
        arguments: [
            (0, "0.0"), (1, "1.0"), (0.5, "0.5"), (0.12345, "0.1235"), (0.00004, "0.0"), (0.00005, "0.0001"),
            (-3.14159, "-3.1416"), (-0.00001, "0.0"), (99.99999, "100.0"), (12.3, "12.3"),
            (1_000_000.25, "1000000.25"),
        ] as [(Double, String)])
    func roundedNumbers(_ number: Double, _ expected: String) {
        #expect(written { $0.append(rounded: number) } == "$\(expected.utf8.count)\r\n\(expected)\r\n")
    }

    @Test func roundedNumbersReadAsTheyWere() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            let number = Double.random(in: -1000...1000, using: &generator)
            var words = CommandWords()
            words.append(rounded: number)
            let read = words.texts.first.flatMap { Double($0) }
            #expect(read.map { abs($0 - number) <= 0.00005001 } == true, "\(number)")
        }
        var words = CommandWords()
        words.append(rounded: 1e300)
        #expect(words.texts == ["1e+300"])
    }
}
