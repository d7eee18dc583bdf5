import Testing

@testable import Proxy

/// Error pages, for people and for programs.
@Suite(.timeLimit(.minutes(5))) struct ErrorPageTests {
    @Test(arguments: [
        ("application/json", true), ("text/html, application/json", true), ("text/html", false),
        ("*/*", false),
        ("application/json;q=0.5, text/plain", false), ("application/json;q=0", false),
        ("Application/JSON ; Q=0.9 , text/*;q=0.8", true), ("application/json;q=x", false), ("", false),
        (",;,=", false),
    ])
    func jsonIsGivenToWhoAsksForIt(_ accept: String, _ isJSON: Bool) {
        let bytes = Array((accept + " ").utf8)
        let found = bytes.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { AcceptField.prefersJSON($0, buffer.count - 1) }
        }
        #expect(found == isJSON)
    }

    @Test func anErrorPageMayBeJSON() throws {
        let rig = try Rig([])
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x.test\r\nAccept: application/json\r\n\r\n")
        let page = try #require(wire.readMessage())
        #expect(page.field("Content-Type") == "application/json" && page.status == 503)
        let id = try #require(page.field("X-Request-Id"))
        #expect(
            page.text
                == "{\"status\":503,\"layer\":\"proxy\",\"error\":\"proxy: no server is active\",\"request_id\":\"\(id)\"}\n"
        )
    }
}
