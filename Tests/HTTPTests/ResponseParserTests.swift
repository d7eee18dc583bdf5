import HTTP
import Testing

@Suite struct ResponseParserTests {
    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", BodyFraming.length(5), true),
        ("HTTP/1.1 200\r\n\r\n", .untilClose, true),
        ("HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n", .chunked, false),
        ("HTTP/1.0 200 OK\r\n\r\n", .untilClose, false),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", .none, true),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", .none, true),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", .none, true),
        ("HTTP/1.1 100 Continue\r\n\r\n", .none, true),
    ])
    func framingFollowsStatusAndFields(_ text: String, _ framing: BodyFraming, _ keepsAlive: Bool) {
        let outcome = HeadFixture.response(Array(text.utf8)).outcome
        #expect(outcome.verdict == .complete)
        #expect(outcome.framing == framing)
        #expect(outcome.keepsAlive == keepsAlive)
    }

    @Test func anAnswerToHeadHasNoBody() {
        let bytes = Array("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".utf8)
        #expect(HeadFixture.response(bytes, answersHead: true).outcome.framing == .none)
    }

    @Test(arguments: [
        ("HTTP/1.1 20 OK\r\n\r\n", MessageFault.badStatusLine),
        ("HTTP/1.1 2000 OK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1 099 OK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1 600 OK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1  200 OK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1\r\n\r\n", .badStatusLine),
        ("HTTP/2.0 200 OK\r\n\r\n", .unsupportedVersion),
        ("HTPT/1.1 200 OK\r\n\r\n", .badVersion),
        ("HTTP/1.1 200 O\u{0}K\r\n\r\n", .controlByte),
        ("HTTP/1.1 200 OK\nA: b\r\n\r\n", .bareLineFeed),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", .foldedField),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", .spaceBeforeColon),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", .repeatedContentLength),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            .lengthAndTransferEncoding
        ),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInOldVersion),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", .badTransferEncoding),
    ])
    func aMalformedHeadIsRefused(_ text: String, _ fault: MessageFault) {
        #expect(HeadFixture.response(Array(text.utf8)).outcome.verdict == .refused(fault))
    }
}
