import Testing

@testable import Store

@Suite struct ReplyReaderTests {
    private static let sample =
        "+OK\r\n:-7\r\n$5\r\nhe\r\no\r\n$-1\r\n*-1\r\n*0\r\n$0\r\n\r\n-FENCED stale token\r\n"
        + "*3\r\n*2\r\n:1\r\n*0\r\n$1\r\nx\r\n-ERR no\r\n:5\r\n"
    private static let replies: [Reply] = [
        .status("OK"), .integer(-7), .bulk(Array("he\r\no".utf8)), .null, .null, .array([]), .bulk([]),
        .error(ReplyError(code: "FENCED", message: "stale token")),
        .array([
            .array([.integer(1), .array([])]), .bulk([120]), .error(ReplyError(code: "ERR", message: "no")),
        ]), .integer(5),
    ]

    private func read(
        _ text: String, limits: ReplyLimits = ReplyLimits(), cutEvery size: Int = .max
    ) throws(StoreFault) -> [Reply] {
        let reader = try ReplyReader(limits: limits)
        var replies: [Reply] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(size))
            rest = rest.dropFirst(part.count)
            let result = part.withUnsafeBytes { bytes in
                Result { () throws(StoreFault) in try reader.feed(bytes) }
            }
            try result.get()
            while let reply = try reader.next() { replies.append(reply) }
        }
        #expect(!reader.hasRest)
        return replies
    }

    @Test(arguments: 1...40) func repliesAreReadHoweverTheyAreCut(_ size: Int) throws {
        #expect(try read(Self.sample, cutEvery: size) == Self.replies)
    }

    @Test func anUnfinishedReplyIsTold() throws {
        let reader = try ReplyReader()
        for (text, hasRest) in [("*1\r\n", true), ("$3\r\nab", true), ("c\r\n", false)] {
            var text = text
            try text.withUTF8 { try reader.feed(UnsafeRawBufferPointer($0)) }
            _ = try reader.next()
            #expect(reader.hasRest == (hasRest || text == "*1\r\n"))
        }
    }

    @Test(arguments: [
        "x\r\n", "HTTP/1.1 400 Bad Request\r\n", "\u{16}\u{3}\u{1}", "$abc\r\n", "$-2\r\n", ":1x\r\n",
        "*x\r\n",
        "$99999999999999999999\r\n", "*99999999999\r\n", "*-2\r\n", "%1\r\n+a\r\n+b\r\n", ">1\r\n+a\r\n",
        "_\r\n",
        String(repeating: "*1\r\n", count: 64),
    ])
    func hostileBytesAreRefused(_ text: String) {
        let fault = #expect(throws: StoreFault.self) { try read(text) }
        guard case .malformed = fault else {
            Issue.record("\(String(describing: fault)) is not .malformed")
            return
        }
    }

    @Test func announcedElementsCostNothing() {
        #expect(throws: StoreFault.malformed("a reply of more than 1000000 elements")) {
            try read("*2147483647\r\n")
        }
        // Each is within the limit, both together are not.
        #expect(throws: StoreFault.malformed("a reply of more than 10 elements")) {
            try read("*9\r\n*9\r\n", limits: ReplyLimits(bytesMax: 100, elementsMax: 10))
        }
    }

    @Test func elementsAreCountedThroughAllLevels() throws {
        let limits = ReplyLimits(bytesMax: 100, elementsMax: 4)
        #expect(try read("*2\r\n*2\r\n:1\r\n:2\r\n:3\r\n", limits: limits).count == 1)
        #expect(throws: StoreFault.self) { try read("*2\r\n*3\r\n:1\r\n:2\r\n:3\r\n:4\r\n", limits: limits) }
        // The count starts anew with each reply.
        #expect(try read(String(repeating: "*1\r\n:1\r\n", count: 50), limits: limits).count == 50)
    }

    @Test func bytesAreLimited() throws {
        let limits = ReplyLimits(bytesMax: 100_000, elementsMax: 10)
        let text = String(repeating: "x", count: 60_000)
        #expect(try read("$60000\r\n\(text)\r\n", limits: limits).count == 1)
        #expect(throws: StoreFault.malformed("a reply of more than 100000 bytes")) {
            try read("*2\r\n$60000\r\n\(text)\r\n$60000\r\n\(text)\r\n", limits: limits)
        }
        // A text that never ends is cut off before it is complete.
        #expect(throws: StoreFault.malformed("a reply of more than 100000 bytes")) {
            try read("$1000000\r\n" + String(repeating: "x", count: 900_000), limits: limits, cutEvery: 4096)
        }
        #expect(throws: StoreFault.malformed("a reply of more than 100000 bytes")) {
            try read("+" + String(repeating: "x", count: 900_000), limits: limits, cutEvery: 4096)
        }
    }

    @Test func noBytesCrashTheReader() throws {
        let alphabet = Array("+-:$*0123456789\r\n\r\n\r\nab".utf8)
        var state: UInt64 = 88_172_645_463_325_252
        var refused = 0
        for _ in 0..<3000 {
            var bytes: [UInt8] = []
            for _ in 0..<60 {
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                bytes.append(alphabet[Int(state % UInt64(alphabet.count))])
            }
            let reader = try ReplyReader(limits: ReplyLimits(bytesMax: 4096, elementsMax: 100))
            do {
                try bytes.withUnsafeBytes { try reader.feed($0) }
                while try reader.next() != nil {}
            } catch { refused += 1 }
        }
        #expect(refused > 1000)
    }

    @Test func valuesAreTakenAsWhatTheyAre() {
        #expect(Reply.status("OK").text == "OK")
        #expect(Reply.bulk([0xFF]).text == nil)
        #expect(Reply.bulk(Array("é".utf8)).text == "é")
        #expect(Reply.integer(1).text == nil)
        #expect(Reply.integer(1).integer == 1)
        #expect(Reply.bulk(Array("-12".utf8)).integer == -12)
        #expect(Reply.bulk(Array("1.5".utf8)).integer == nil)
        #expect(Reply.bulk(Array("99999999999999999999".utf8)).integer == nil)
        #expect(Reply.null.integer == nil)
        #expect(Reply.array([.null]).elements == [.null])
        #expect(Reply.null.elements == nil)
    }
}
