import Testing

@testable import bench

@Suite struct RequestHeadTests {
    private func head(_ lines: String...) -> RequestHead? {
        RequestHead(lines.joined(separator: "\r\n") + "\r\n\r\n")
    }

    @Test func orderCaseAndConnectionFieldsDoNotMatter() throws {
        let sent = try #require(
            head("GET /a HTTP/1.1", "Host: x", "Accept: */*", "Connection: keep-alive, foo", "Foo: 1"))
        let forwarded = try #require(
            head("GET /a HTTP/1.1", "accept: */*", "host: x", "Via: 1.1 troop", "X-Forwarded-For: ::1"))
        #expect(forwarded.asksTheSame(as: sent))
        #expect(forwarded.added == ["via", "x-forwarded-for"])
    }

    @Test(arguments: [
        ["GET /b HTTP/1.1", "Host: x"], ["GET /a HTTP/1.0", "Host: x"], ["HEAD /a HTTP/1.1", "Host: x"],
        ["GET /a HTTP/1.1", "Host: y"], ["GET /a HTTP/1.1", "Host: x", "Accept: */*"], ["GET /a HTTP/1.1"],
    ])
    func aChangedRequestIsTold(_ lines: [String]) throws {
        let sent = try #require(head("GET /a HTTP/1.1", "Host: x"))
        let forwarded = try #require(RequestHead(lines.joined(separator: "\r\n") + "\r\n\r\n"))
        #expect(!forwarded.asksTheSame(as: sent))
    }

    @Test(arguments: ["", "GET /\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n"])
    func whatIsNoHeadIsRefused(_ text: String) {
        #expect(RequestHead(text) == nil)
    }
}
