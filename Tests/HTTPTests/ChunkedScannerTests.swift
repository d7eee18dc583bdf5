import HTTP
import Testing

@Suite struct ChunkedScannerTests {
    /// Feeds pieces of `step` bytes; how many bytes belonged to the body, the content, and the fault.
    static func scan(
        _ bytes: [UInt8], step: Int
    ) -> (taken: Int, content: [UInt8], fault: MessageFault?, isDone: Bool) {
        var scanner = ChunkedScanner()
        var taken = 0
        var content: [UInt8] = []
        while taken < bytes.count, !scanner.isDone {
            let piece = Array(bytes[taken..<min(bytes.count, taken + step)])
            let run = piece.withUnsafeBufferPointer { buffer -> ChunkedScanner.Run in
                guard let base = buffer.baseAddress else { return .framing(0) }
                return scanner.next(base, count: buffer.count)
            }
            switch run {
            case .data(let count):
                content += piece.prefix(count)
                taken += count
            case .framing(let count), .end(let count): taken += count
            case .refused(let fault): return (taken, content, fault, false)
            }
        }
        return (taken, content, nil, scanner.isDone)
    }

    @Test(arguments: [1, 2, 3, 7, 1000])
    func aBodyIsFollowedToItsEnd(step: Int) {
        let body =
            "5\r\nhello\r\n006;name=\"v;\\\"1\";b;c = d ; e\r\n world\r\nA ;x\r\n0123456789\r\n0\r\nX-Sum: abc\r\nY:\r\n\r\n"
        let result = ChunkedScannerTests.scan(Array((body + "GET /").utf8), step: step)
        #expect(result.fault == nil && result.isDone)
        #expect(result.taken == body.utf8.count)
        #expect(String(decoding: result.content, as: UTF8.self) == "hello world0123456789")
    }

    @Test(arguments: [
        ("\r\n", MessageFault.badChunkSize), ("g\r\n", .badChunkSize), ("-1\r\n", .badChunkSize),
        ("0x5\r\n", .badChunkSize), ("5 \r\n", .badChunkSize), (" 5\r\n", .badChunkSize),
        ("5\n", .badChunkSize), ("8000000000000000\r\n", .badChunkSize),
        ("00000000000000001\r\n", .badChunkSize), ("5\rhello", .bareCarriageReturn),
        ("5;a\nhello", .badChunkExtension), ("5;a\u{0}\r\n", .badChunkExtension),
        ("5;a\rb\r\n", .bareCarriageReturn), ("5\r\nhelloX", .badChunkEnd), ("5\r\nhello\rX", .badChunkEnd),
        ("5\r\nhello\n", .badChunkEnd), ("0\r\n\n", .badTrailer), ("0\r\n A: b\r\n", .badTrailer),
        ("0\r\nA b: c\r\n", .badTrailer), ("0\r\nA: b\u{0}\r\n", .badTrailer),
        ("0\r\nA: b\n\r\n", .badTrailer),
        ("0\r\n\rX", .bareCarriageReturn), ("0\r\n:b\r\n", .badTrailer),
        ("5;\r\n", .badChunkExtension), ("5;a=\r\n", .badChunkExtension), ("5;a \r\n", .badChunkExtension),
        ("5;a=b \r\n", .badChunkExtension), ("5;=b\r\n", .badChunkExtension),
        ("5;a=\"b\r\n", .badChunkExtension), ("5;a=\"b\"c\r\n", .badChunkExtension),
        ("5;a=\"\\\r\n", .badChunkExtension), ("5;a b\r\n", .badChunkExtension),
        ("0\r\nContent-Length: 5\r\n", .forbiddenTrailer),
        ("0\r\ntransfer_encoding: x\r\n", .forbiddenTrailer),
        ("0\r\nA: b\r\nHOST: x\r\n", .forbiddenTrailer), ("0\r\nX-Forwarded-Any", .forbiddenTrailer),
        ("0\r\nX-Request-Id:", .forbiddenTrailer), ("0\r\nx_request_id:", .forbiddenTrailer),
        ("0\r\nTE:", .forbiddenTrailer), ("0\r\nAuthorization: x", .forbiddenTrailer),
    ])
    func aMalformedBodyIsRefused(_ text: String, _ fault: MessageFault) {
        for step in [1, 3, 1000] {
            #expect(ChunkedScannerTests.scan(Array(text.utf8), step: step).fault == fault)
        }
    }

    @Test func theLargestSizeFits() {
        let result = ChunkedScannerTests.scan(Array("7fffffffffffffff\r\nabc".utf8), step: 100)
        #expect(result.fault == nil && result.content.count == 3)
    }

    @Test func extensionsAndTrailersAreLimited() {
        let long = String(repeating: "a", count: 10_000)
        #expect(ChunkedScannerTests.scan(Array("1;\(long)".utf8), step: 99).fault == .chunkExtensionTooLong)
        #expect(ChunkedScannerTests.scan(Array("0\r\nA: \(long)".utf8), step: 99).fault == .trailersTooLarge)
        let hundred = String(repeating: "A:b\r\n", count: 100)
        #expect(ChunkedScannerTests.scan(Array("0\r\n\(hundred)\r\n".utf8), step: 99).isDone)
        #expect(ChunkedScannerTests.scan(Array("0\r\n\(hundred)A".utf8), step: 99).fault == .tooManyTrailers)
    }

    @Test(arguments: [1, 4, 5, 64])
    func contentIsBroughtTogetherInPlace(step: Int) {
        let bytes = Array("3\r\nabc\r\n1\r\nd\r\n2;x\r\nef\r\n0\r\n\r\nrest".utf8)
        var progress = BodyProgress(.chunked)
        var content: [UInt8] = []
        var position = 0
        while !progress.isDone, position < bytes.count {
            var piece = Array(bytes[position..<min(bytes.count, position + step)])
            let (taken, kept, fault) = piece.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return (0, 0, MessageFault?.none) }
                return progress.takeContent(base, count: buffer.count)
            }
            #expect(fault == nil)
            content += piece.prefix(kept)
            position += taken
        }
        #expect(String(decoding: content, as: UTF8.self) == "abcdef")
        #expect(position == bytes.count - 4)
    }
}
