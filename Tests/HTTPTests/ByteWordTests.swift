import Fixtures
import Testing

@testable import HTTP

/// Eight bytes at once must say of each what one by one says.
@Suite struct ByteWordTests {
    private func expectEqual(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) {
        func marks(_ answer: UInt64) -> [Bool] { (0..<8).map { answer >> UInt64(8 * $0 + 7) & 1 == 1 } }
        let word = ByteWord(bytes, at: 0)
        let plain = bytes.map {
            Bytes.isToken($0) && Bytes.isHost($0)
                && (Bytes.isDigit($0) || $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a || $0 == 0x2d || $0 == 0x2e)
        }
        #expect(marks(word.isPlain) == plain, "\(bytes)", sourceLocation: sourceLocation)
        #expect(
            marks(word.isNotValue) == bytes.map { !Bytes.isValue($0) || $0 == Bytes.tab }, "\(bytes)",
            sourceLocation: sourceLocation)
        #expect(
            marks(word.isNotTarget) == bytes.map { !Bytes.isTarget($0) }, "\(bytes)",
            sourceLocation: sourceLocation)
    }

    @Test func everyByteAtEveryPlaceAmongExtremes() {
        for byte in UInt8.min...UInt8.max {
            for place in 0..<8 {
                for neighbour: UInt8 in [0, 0x20, 0x61, 0x7f, 0x80, 0xff] {
                    var bytes = [UInt8](repeating: neighbour, count: 8)
                    bytes[place] = byte
                    expectEqual(bytes)
                }
            }
        }
    }

    @Test func anyBytesTogether() {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<2000 {
            expectEqual((0..<8).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
        }
    }

    @Test func endsAreWhereOneByOneFindsThem() {
        var generator = SeededGenerator(seed: 12)
        let alphabet = Array("aZ09-._~%!#:/ \t\u{7f}é".utf8)
        for _ in 0..<5000 {
            let count = Int.random(in: 0...40, using: &generator)
            let bytes = (0..<count).map { _ in
                Int.random(in: 0..<8, using: &generator) > 0
                    ? UInt8(ascii: "a") : alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            }
            let start = Int.random(in: 0...count, using: &generator)
            func end(_ belongs: (UInt8) -> Bool) -> Int {
                bytes[start...].firstIndex { !belongs($0) } ?? count
            }
            #expect(Bytes.endOfToken(bytes, from: start, to: count) == end(Bytes.isToken))
            #expect(Bytes.endOfTarget(bytes, from: start, to: count) == end(Bytes.isTarget))
            let clean = bytes[..<start].lastIndex { !Bytes.isValue($0) }.map { $0 + 1 } ?? 0
            #expect(Bytes.endOfValue(bytes, from: start, to: count, clean: clean) == end(Bytes.isValue))
        }
    }

    @Test func fewBytesAreReadWithoutThoseBehindThem() {
        let bytes = Array("ABCDEFGHIJ".utf8)
        for count in 0...10 {
            let expected = bytes.prefix(min(8, count)) + [UInt8](repeating: 0, count: max(0, 8 - count))
            #expect(ByteWord(bytes, first: count) == ByteWord(Array(expected), at: 0))
        }
    }

    @Test(
        arguments: [
            ("Host", .host), ("DATE", .date), ("te", .hopByHop), ("tx", .other), ("Proxy", .hopByHop),
            ("EXPECT", .expect), ("Upgrade", .hopByHop), ("upgradE", .hopByHop), ("Forwarded", .forwarded),
            ("X-Real-IP", .forwarded), ("x_real_ip", .disguised), ("Connection", .connection),
            ("Keep-Alive", .hopByHop), ("TraceState", .tracing), ("traceparent", .tracing),
            ("X-Request-ID", .requestID), ("X_Request_Id", .disguised), ("x-request_id", .disguised),
            ("x-request.id", .other), ("Content-Length", .contentLength), ("Content_Length", .disguised),
            ("HTTP2-Settings", .hopByHop), ("Proxy-Connection", .hopByHop),
            ("Transfer-Encoding", .transferEncoding), ("transfer_encoding", .disguised),
            ("X-Forwarded-For", .forwarded), ("X-Forwarded_Host", .disguised), ("X-Forwarded-", .other),
            ("X-Forwarded-X", .forwarded),
            ("X-Forwarded", .other), ("Hosts", .other), ("hos~", .other), ("h^st", .other),
            ("connectio.", .other),
            ("keep_alive", .other), ("contentxlength", .other), ("Accept", .other), ("Content-Type", .other),
        ] as [(String, FieldKind)])
    func fieldsAreKnownByTheirNames(_ name: String, _ kind: FieldKind) {
        #expect(FieldKind.of(Array(name.utf8), name.utf8.count) == kind)
    }
}
