import HTTP
import Testing

@Suite struct RequestParserTests {
    private func verdict(_ text: String, limits: HeadLimits = HeadLimits()) -> HeadVerdict {
        HeadFixture.request(Array(text.utf8), limits: limits).outcome.verdict
    }

    @Test func aPlainRequestIsReadInFull() {
        let bytes = Array(
            "GET /a?b=c HTTP/1.1\r\nHost: x.test:80\r\nAccept:  */* \t\r\nX-Empty:\r\n\r\nrest".utf8)
        let (outcome, head) = HeadFixture.request(bytes)
        #expect(outcome.verdict == .complete)
        #expect(outcome.length == bytes.count - 4)
        #expect(outcome.fields == ["Host=x.test:80", "Accept=*/*", "X-Empty="])
        #expect(outcome.framing == .none && outcome.keepsAlive)
        #expect(head.method == .get && head.minorVersion == 1)
        #expect(HeadFixture.text(head.target, of: bytes) == "/a?b=c")
        #expect(HeadFixture.text(head.host, of: bytes) == "x.test:80")
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\nHost: x\r\n\r\n", MessageFault.bareLineFeed),
        ("GET / HTTP/1.1\r\nHost: x\n\r\n", .bareLineFeed),
        ("GET / HTTP/1.1\r\nHost: x\r\n\n", .bareLineFeed),
        ("GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", .bareCarriageReturn),
        ("GET / HTTP/1.1\r\nHost: x\r\nA: b\u{0}c\r\n\r\n", .controlByte),
        ("GET / HTTP/1.1\r\nHost: x\r\nA: b\u{7f}\r\n\r\n", .controlByte),
        ("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", .foldedField),
        ("GET / HTTP/1.1\r\n Host: x\r\n\r\n", .foldedField),
        ("GET / HTTP/1.1\r\nHost : x\r\n\r\n", .spaceBeforeColon),
        ("GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n", .badFieldName),
        ("GET / HTTP/1.1\r\nHost: x\r\nA(b): c\r\n\r\n", .badFieldName),
        ("GET / HTTP/1.1\r\nHost: x\r\nAb\r\n\r\n", .badFieldName),
        ("GET / HTTP/1.1\r\nHost: x\r\nA\u{0}: b\r\n\r\n", .badFieldName),
        ("GET / HTTP/1.1\r\n\r\n", .missingHost),
        ("GET / HTTP/1.1\r\nHost: x\r\nhost: x\r\n\r\n", .repeatedHost),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n", .badHost),
        ("GET http://a/b HTTP/1.1\r\n\r\n", .missingHost),
        ("GET http:///b HTTP/1.1\r\nHost: x\r\n\r\n", .badHost),
        ("GET http://u@a/b HTTP/1.1\r\nHost: x\r\n\r\n", .badHost),
        ("GET ftp://a/b HTTP/1.1\r\nHost: x\r\n\r\n", .badTarget),
        ("GET * HTTP/1.1\r\nHost: x\r\n\r\n", .badTarget),
        ("GET a HTTP/1.1\r\nHost: x\r\n\r\n", .badTarget),
        ("GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", .badTarget),
        ("GET /\u{e9} HTTP/1.1\r\nHost: x\r\n\r\n", .badTarget),
        ("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", .badTarget),
        ("GET /\r\nHost: x\r\n\r\n", .badTarget),
        ("GET / HTTP/1.1 \r\nHost: x\r\n\r\n", .badVersion),
        ("GET /  HTTP/1.1\r\nHost: x\r\n\r\n", .badVersion),
        ("GET / http/1.1\r\nHost: x\r\n\r\n", .badVersion),
        ("GET / HTTP/1.11\r\nHost: x\r\n\r\n", .badVersion),
        ("GET / HTTP/2.7\r\nHost: x\r\n\r\n", .unsupportedVersion),
        ("GET / HTTP/0.9\r\nHost: x\r\n\r\n", .unsupportedVersion),
        ("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: a%2\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: [1:2:3]\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: [::1::]\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: [::1.2.3.256]\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: x\r\nConnection: close, Host\r\n\r\n", .forbiddenNomination),
        ("GET / HTTP/1.1\r\nHost: x\r\nConnection: Content-Length\r\n\r\n", .forbiddenNomination),
        ("GET / HTTP/1.1\r\nHost: x\r\nConnection: transfer-encoding\r\n\r\n", .forbiddenNomination),
        ("OPTIONS * HTTP/1.1\r\nHost: x\r\nMax-Forwards: x\r\n\r\n", .badMaxForwards),
        ("TRACE / HTTP/1.1\r\nHost: x\r\nMax-Forwards: 1\r\nmax-forwards: 1\r\n\r\n", .badMaxForwards),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion),
        (" GET / HTTP/1.1\r\nHost: x\r\n\r\n", .badMethod),
        ("G@T / HTTP/1.1\r\nHost: x\r\n\r\n", .badMethod),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", .badMethod),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", .connectRefused),
        ("AVERYLONGMETHODNAMEOFMORETHANTHIRTYTWOBYTES / HTTP/1.1\r\nHost: a\r\n\r\n", .methodTooLong),
        ("GET / HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n", .unknownExpectation),
        ("GET / HTTP/1.1\r\nHost: x\r\nConnection: a b\r\n\r\n", .badConnectionField),
    ])
    func aMalformedHeadIsRefused(_ text: String, _ fault: MessageFault) {
        #expect(verdict(text) == .refused(fault))
    }

    @Test(arguments: [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", MessageFault.lengthAndTransferEncoding),
        ("Transfer-Encoding: chunked\r\ncontent-length: 5", .lengthAndTransferEncoding),
        ("Content-Length: 5\r\nContent-Length: 5", .repeatedContentLength),
        ("Content-Length: 5, 5", .badContentLength),
        ("Content-Length: +5", .badContentLength),
        ("Content-Length: -5", .badContentLength),
        ("Content-Length: 0x5", .badContentLength),
        ("Content-Length: 5 5", .badContentLength),
        ("Content-Length:", .badContentLength),
        ("Content-Length: 9223372036854775808", .badContentLength),
        ("Content-Length: 99999999999999999999999", .badContentLength),
        ("Transfer-Encoding: gzip, chunked", .unknownTransferEncoding),
        ("Transfer-Encoding: gzip", .badTransferEncoding),
        ("Transfer-Encoding: chunked, gzip", .badTransferEncoding),
        ("Transfer-Encoding: ,chunked", .badTransferEncoding),
        ("Transfer-Encoding: chunked,", .badTransferEncoding),
        ("Transfer-Encoding: chunked, chunked", .badTransferEncoding),
        ("Transfer-Encoding: \"chunked\"", .badTransferEncoding),
        ("Transfer-Encoding: chunked;a=b", .badTransferEncoding),
        ("Transfer-Encoding: xchunked", .badTransferEncoding),
        ("Transfer-Encoding:", .badTransferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .repeatedTransferEncoding),
    ])
    func ambiguousFramingIsRefused(_ fields: String, _ fault: MessageFault) {
        #expect(verdict("POST / HTTP/1.1\r\nHost: x\r\n\(fields)\r\n\r\n") == .refused(fault))
    }

    @Test func chunksInTheOldVersionAreRefused() {
        #expect(
            verdict("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")
                == .refused(.transferEncodingInOldVersion))
    }

    @Test(arguments: [
        ("Content-Length: 5", BodyFraming.length(5)), ("Content-Length: 0", .none), ("A: b", .none),
        ("content-LENGTH: 9223372036854775807", .length(.max)), ("Transfer-Encoding: Chunked", .chunked),
    ])
    func theBodyIsFramedByItsField(_ field: String, _ framing: BodyFraming) {
        let bytes = Array("POST / HTTP/1.1\r\nHost: x\r\n\(field)\r\n\r\n".utf8)
        #expect(HeadFixture.request(bytes).outcome.framing == framing)
    }

    @Test(arguments: [
        ("HTTP/1.1", "", true), ("HTTP/1.1", "Connection: close\r\n", false),
        ("HTTP/1.1", "Connection: Keep-Alive, CLOSE\r\n", false), ("HTTP/1.0", "", false),
        ("HTTP/1.0", "Connection: keep-alive\r\n", true),
        ("HTTP/1.0", "Connection: keep-alive\r\nConnection: close\r\n", false),
        ("HTTP/1.1", "Connection: closed\r\n", true),
    ])
    func persistenceFollowsVersionAndConnection(_ version: String, _ field: String, _ expected: Bool) {
        let outcome = HeadFixture.request(Array("GET / \(version)\r\nHost: x\r\n\(field)\r\n".utf8)).outcome
        #expect(outcome.verdict == .complete)
        #expect(outcome.keepsAlive == expected)
    }

    @Test(arguments: [
        ("GET http://a.test:8080/b?c HTTP/1.1", "/b?c", "a.test:8080", false),
        ("GET HTTPS://a.test HTTP/1.1", "", "a.test", false),
        ("GET http://a.test?c HTTP/1.1", "?c", "a.test", true),
        ("OPTIONS http://[::1]:80 HTTP/1.1", "", "[::1]:80", false),
    ])
    func anAbsoluteTargetGivesHostAndPath(_ line: String, _ path: String, _ host: String, _ lacksSlash: Bool)
    {
        let bytes = Array("\(line)\r\nHost: other\r\n\r\n".utf8)
        let (outcome, head) = HeadFixture.request(bytes)
        #expect(outcome.verdict == .complete)
        #expect(HeadFixture.text(head.target, of: bytes) == path)
        #expect(HeadFixture.text(head.host, of: bytes) == host)
        #expect(head.lacksSlash == lacksSlash)
        #expect(head.hasSecureScheme == line.contains("HTTPS:"))
    }

    @Test func oneEmptyLineBeforeTheRequestIsIgnored() {
        let bytes = Array("\r\nOPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
        let (outcome, head) = HeadFixture.request(bytes)
        #expect(outcome.verdict == .complete && outcome.length == bytes.count)
        #expect(HeadFixture.text(head.target, of: bytes) == "*")
    }

    @Test func sizesAreLimited() {
        let limits = HeadLimits(headBytes: 400, targetBytes: 100, fields: 3)
        let field = "A: b\r\n"
        #expect(verdict("GET / HTTP/1.1\r\nHost: x\r\n\(field)\(field)\r\n", limits: limits) == .complete)
        #expect(
            verdict("GET / HTTP/1.1\r\nHost: x\r\n\(field)\(field)\(field)\r\n", limits: limits)
                == .refused(.tooManyFields))
        let long = String(repeating: "a", count: 400)
        #expect(verdict("GET / HTTP/1.1\r\nHost: x\r\nA: \(long)", limits: limits) == .refused(.headTooLarge))
        #expect(verdict("GET /\(long)", limits: limits) == .refused(.targetTooLong))
        let target = String(repeating: "a", count: 100)
        #expect(
            verdict("GET /\(target) HTTP/1.1\r\nHost: x\r\n\r\n", limits: limits) == .refused(.targetTooLong))
        #expect(
            verdict("GET /\(target.dropLast()) HTTP/1.1\r\nHost: x\r\n\r\n", limits: limits) == .complete)
    }

    @Test func aFieldNamedByConnectionIsNominated() throws {
        let text =
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: X-Foo, close\r\nx-foo: 1\r\nX-Fo: 2\r\n"
            + "Content-Length: 3\r\n\r\n"
        let bytes = Array(text.utf8)
        let room = UnsafeMutablePointer<Field>.allocate(capacity: 100)
        defer { room.deallocate() }
        var parser = RequestParser()
        let nominated = bytes.withUnsafeBufferPointer { buffer -> [Bool] in
            guard let base = buffer.baseAddress else { return [] }
            guard parser.parse(base, count: buffer.count, fields: room, limits: HeadLimits()) == .complete
            else {
                return []
            }
            let summary = parser.head.summary
            return (0..<summary.count).map { summary.nominates(room[$0], base, room) }
        }
        #expect(nominated == [false, false, true, false, false])
    }

    @Test func nominationsAreLimited() {
        let names = (0..<40).map { "a\($0)" }.joined(separator: ",")
        #expect(
            verdict("GET / HTTP/1.1\r\nHost: x\r\nConnection: \(names)\r\n\r\n")
                == .refused(.tooManyNominatedFields))
    }

    @Test(arguments: [
        "a", "a.b:80", "a:", "a:65535", "1.2.3.4", "a%2eb", "[::]", "[::1]:80", "[1:2:3:4:5:6:7:8]",
        "[1:2:3:4:5:6:1.2.3.4]", "[1::8]", "[fe80::1:2]", "a_b-c~d!$&'()*+;=",
    ])
    func aHostThatTheStandardKnowsIsTaken(_ host: String) {
        #expect(verdict("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") == .complete)
    }

    @Test func aLaterMinorVersionIsTakenForTheLatestKnown() {
        let (outcome, head) = HeadFixture.request(Array("GET / HTTP/1.9\r\nHost: x\r\n\r\n".utf8))
        #expect(outcome.verdict == .complete && outcome.keepsAlive)
        #expect(head.minorVersion == 1 && head.isOtherVersion)
    }

    @Test func everyByteOfAValueIsLookedAt() {
        for length in 1...40 {
            for bad in [UInt8(0), 13, 0x1f, 0x7f] {
                for place in 0..<length {
                    var value = [UInt8](repeating: 0xe9, count: length)
                    value[place] = bad
                    let bytes =
                        Array("GET / HTTP/1.1\r\nHost: x\r\nA: x".utf8) + value + Array("x\r\n\r\n".utf8)
                    let verdict = HeadFixture.request(bytes).outcome.verdict
                    #expect(verdict == .refused(bad == 13 ? .bareCarriageReturn : .controlByte))
                }
            }
        }
        let fine = (0x20...0xff).filter { $0 != 0x7f }.map { UInt8($0) } + [9]
        let bytes = Array("GET / HTTP/1.1\r\nHost: x\r\nA: x".utf8) + fine + Array("x\r\n\r\n".utf8)
        #expect(HeadFixture.request(bytes).outcome.verdict == .complete)
    }

    @Test func everyFaultHasAStatusAndAReason() {
        #expect(MessageFault.allCases.count <= MessageFault.ceiling)
        #expect(Set(MessageFault.allCases.map(\.label)).count == MessageFault.allCases.count)
        #expect(MessageFault.lengthAndTransferEncoding.label == "length_and_transfer_encoding")
        for fault in MessageFault.allCases {
            #expect((400...505).contains(fault.status))
            #expect(fault.reason.utf8CodeUnitCount > 5)
            #expect(fault.label.allSatisfy { $0 == "_" || $0.isLowercase })
        }
    }

    @Test func aPlainRequestValueHoldsTheSame() throws {
        let text = "PUT http://a.test HTTP/1.1\r\nHost: b\r\nX-A: 1\r\nContent-Length: 4\r\n\r\nbody"
        let request = try #require(try PlainRequest(Array(text.utf8)))
        #expect(request.method == "PUT" && request.target == "/" && request.host == "a.test")
        #expect(request.fields.map(\.name) == ["Host", "X-A", "Content-Length"])
        #expect(request.fields.map(\.value) == ["b", "1", "4"])
        #expect(request.framing == .length(4) && request.length == text.utf8.count - 4)
        #expect(try PlainRequest(Array(text.utf8.prefix(20))) == nil)
        #expect(throws: MessageFault.bareLineFeed) { try PlainRequest(Array("GET / HTTP/1.1\n".utf8)) }
    }
}
