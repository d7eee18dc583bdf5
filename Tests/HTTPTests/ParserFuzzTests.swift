import Fixtures
import HTTP
import Testing

/// Mutated messages: nothing crashes, and how the bytes were cut into pieces changes no verdict.
@Suite struct ParserFuzzTests {
    private static let rounds = 4_000
    private static let seeds: [String] = [
        "GET /a?b=c HTTP/1.1\r\nHost: x.test\r\nConnection: keep-alive, X-Foo\r\nX-Foo: 1\r\n\r\n",
        "POST http://a.test/x HTTP/1.1\r\nHost: b\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\nhello, world",
        "POST / HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nKeep-Alive: timeout=5\r\n\r\nhello",
        "HTTP/1.0 301 Moved\r\nLocation: /\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "5\r\nhello\r\n10;a=b\r\n0123456789abcdef\r\n0\r\nA: b\r\n\r\n",
    ]
    private static let spice: [[UInt8]] = [
        [0], [10], [13], [13, 10], [9], [32], [58], [44], [127], [255], Array("0".utf8),
        Array("HTTP/1.1".utf8),
        Array("Content-Length: 5\r\n".utf8), Array("Transfer-Encoding: chunked\r\n".utf8),
        Array("\r\n\r\n".utf8),
        Array("Host: y\r\n".utf8), Array(repeating: 65, count: 600),
    ]

    private static func mutated(_ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = Array(seeds[Int.random(in: 0..<seeds.count, using: &generator)].utf8)
        for _ in 0..<Int.random(in: 0...4, using: &generator) {
            let place = Int.random(in: 0...bytes.count, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                bytes.insert(contentsOf: spice[Int.random(in: 0..<spice.count, using: &generator)], at: place)
            case 1: if place < bytes.count { bytes[place] = UInt8.random(in: 0...255, using: &generator) }
            case 2:
                let end = min(bytes.count, place + Int.random(in: 1...8, using: &generator))
                bytes.removeSubrange(place..<end)
            default:
                let end = min(bytes.count, place + Int.random(in: 1...40, using: &generator))
                bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
            }
        }
        return bytes
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func piecesChangeNoVerdict(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let limits = HeadLimits(headBytes: 700, targetBytes: 300, fields: 6)
        for round in 0..<ParserFuzzTests.rounds {
            let bytes = ParserFuzzTests.mutated(&generator)
            var steps: [Int] = []
            var position = 0
            while position < bytes.count {
                position += Int.random(in: 1...(round % 2 == 0 ? 1 : 40), using: &generator)
                steps.append(position)
            }
            let message = "seed \(seed) round \(round)"
            let request = HeadFixture.request(bytes, limits: limits).outcome
            #expect(request == HeadFixture.request(bytes, steps: steps, limits: limits).outcome, "\(message)")
            let response = HeadFixture.response(bytes, limits: limits).outcome
            #expect(
                response == HeadFixture.response(bytes, steps: steps, limits: limits).outcome, "\(message)")
            let whole = ChunkedScannerTests.scan(bytes, step: 10_000)
            let split = ChunkedScannerTests.scan(bytes, step: 1 + round % 7)
            #expect(whole.fault == split.fault && whole.isDone == split.isDone, "\(message)")
            if whole.fault == nil { #expect(whole.taken == split.taken && whole.content == split.content) }
        }
    }

    @Test func aCompleteHeadHoldsNothingForbidden() {
        var generator = SeededGenerator(seed: 99)
        var complete = 0
        for _ in 0..<ParserFuzzTests.rounds {
            let bytes = ParserFuzzTests.mutated(&generator)
            let (outcome, _) = HeadFixture.request(bytes)
            guard outcome.verdict == .complete else { continue }
            complete += 1
            let head = bytes.prefix(outcome.length)
            for (index, byte) in head.enumerated() {
                if byte == 10 { #expect(index > 0 && head[index - 1] == 13) }
                if byte == 13 { #expect(index + 1 < head.count && head[index + 1] == 10) }
                #expect(byte >= 32 && byte != 127 || [9, 10, 13].contains(byte))
            }
        }
        #expect(complete > 100)  // else the mutations would be too wild to test anything
    }
}
