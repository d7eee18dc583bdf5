import Fixtures
import Testing

@testable import Peer

@Suite struct ConfigurationFuzzTests {
    private static let tokens = [
        ":", ": ", "- ", "[", "]", "{", "}", "*a", "&a ", "!!", "\t", "\n", "\n  ", "'", "\"", "|", ">", "#",
        "%YAML 9.9\n", "---", "...", "\\x", "?", "\u{0}", "\u{feff}", "9999999999999999999", "ms", "😀", "\r",
    ].map { Array($0.utf8) }

    private func mutated(_ file: [UInt8], with generator: inout SeededGenerator) -> [UInt8] {
        var bytes = file
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            let place = Int.random(in: 0...bytes.count, using: &generator)
            let end = min(bytes.count, place + Int.random(in: 0...12, using: &generator))
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: bytes.removeSubrange(place..<end)
            case 1: bytes.insert(contentsOf: Self.tokens.randomElement(using: &generator) ?? [], at: place)
            case 2 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &generator)
            case 3: bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
            default: bytes = Array(bytes[..<place]) + Array(bytes[place...].reversed().prefix(40))
            }
        }
        return bytes
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func aMutatedFileIsReadOrRefusedInOrder(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let file = Array(fullFile.utf8)
        var good = 0
        for round in 0..<1500 {
            let bytes = mutated(file, with: &generator)
            do throws(ConfigurationFault) {
                let read = try Configuration.read(
                    bytes, file: "f", environment: [:], machine: testMachine)
                good += 1
                let election = read.election
                let needed = election.renewMilliseconds + 2 * election.commandTimeoutMilliseconds + 50
                #expect(needed < election.ttlMilliseconds, "seed \(seed), round \(round)")
                #expect((1...256).contains(read.proxy.workers), "seed \(seed), round \(round)")
                #expect(ValueForm<String>.isName(read.cluster), "seed \(seed), round \(round)")
            } catch {
                #expect(!error.lines.isEmpty, "seed \(seed), round \(round)")
                for line in error.lines {
                    #expect(line.hasPrefix("f:"), "seed \(seed), round \(round): \(line)")
                    #expect(
                        !line.unicodeScalars.contains { $0.value < 32 },
                        "seed \(seed), round \(round): \(line)")
                }
            }
        }
        #expect(good > 0 && good < 1500, "mutations that are all good or all bad test little: \(good)")
    }

    @Test(arguments: ["[", "{", "- ", "? ", "a: {", "'", "\"", "&a ", "!a ", "a:\n ", "|\n", "*a ", "%"])
    func aRepeatedTokenEndsSoon(_ token: String) {
        let bytes = Array(String(repeating: token, count: 200_000 / token.utf8.count).utf8)
        #expect(throws: ConfigurationFault.self) {
            _ = try Configuration.read(bytes, file: "f", environment: [:], machine: testMachine)
        }
    }
}
