import HTTP
import Testing

/// What `Connection` names, and how much work it may ask for.
@Suite struct NominationTests {
    private func head(_ fields: String) -> (outcome: HeadFixture.Outcome, head: RequestHead) {
        HeadFixture.request(Array("POST / HTTP/1.1\r\nHost: x\r\n\(fields)\r\n".utf8))
    }

    private func verdict(_ fields: String) -> HeadVerdict { head(fields).outcome.verdict }

    @Test(arguments: ["keep-alive", "close", "TE", "x-foo", "", " "])
    func everyElementCounts(_ element: String) {
        let most = [String](repeating: element, count: 32).joined(separator: ",")
        #expect(verdict("Connection: \(most)\r\n") == .complete)
        #expect(verdict("Connection: \(most),x\r\n") == .refused(.tooManyNominatedFields))
        #expect(verdict("Connection: \(most)\r\nConnection:\r\n") == .refused(.tooManyNominatedFields))
        let response = "HTTP/1.1 200 OK\r\nConnection: \(most),x\r\n\r\n"
        #expect(
            HeadFixture.response(Array(response.utf8)).outcome.verdict == .refused(.tooManyNominatedFields))
    }

    @Test func emptyConnectionsCountAsWell() {
        #expect(verdict(String(repeating: "Connection:\r\n", count: 32)) == .complete)
        #expect(
            verdict(String(repeating: "Connection:\r\n", count: 33)) == .refused(.tooManyNominatedFields))
    }

    @Test(arguments: [
        "Expect", "max-forwards", "MAX-FORWARDS", "Host", "content-length", "Transfer-Encoding",
    ])
    func whatConcernsEveryHopCannotBeNamed(_ name: String) {
        #expect(verdict("Connection: close, \(name)\r\n") == .refused(.forbiddenNomination))
        let response = "HTTP/1.1 200 OK\r\nConnection: \(name)\r\n\r\n"
        #expect(
            HeadFixture.response(Array(response.utf8)).outcome.verdict == .refused(.forbiddenNomination))
    }

    @Test(arguments: [
        ("close, keep-alive", false, false), ("TE", true, false), ("Upgrade, HTTP2-Settings", true, false),
        ("Keep-Alive, Proxy-Connection, Connection", true, false), ("X-Sum", true, true),
        ("close, TE, date", true, true), ("Max-Forward", true, true), ("traceparent", true, true),
        ("Trailer", true, false), ("Proxy-Authenticate, cookie", true, false), ("Trailers", true, true),
    ])
    func namesThatATrailerCouldHaveAreTold(_ value: String, _ nominates: Bool, _ trailers: Bool) {
        let facts = head("Connection: \(value)\r\n").head.summary.facts
        #expect(facts.contains(.nominates) == nominates)
        #expect(facts.contains(.nominatesTrailers) == trailers)
    }

    /// Which of a head's fields `Connection` names.
    private func nominated(_ fields: String) -> [String] {
        let bytes = Array("GET / HTTP/1.1\r\nHost: x\r\n\(fields)\r\n".utf8)
        let room = UnsafeMutablePointer<Field>.allocate(capacity: 100)
        defer { room.deallocate() }
        var parser = RequestParser()
        return bytes.withUnsafeBufferPointer { buffer -> [String] in
            guard let base = buffer.baseAddress,
                parser.parse(base, count: buffer.count, fields: room, limits: HeadLimits()) == .complete
            else { return ["refused"] }
            let summary = parser.head.summary
            return (0..<summary.count).filter { summary.nominates(room[$0], base, room) }.compactMap {
                HeadFixture.text(room[$0].name, of: bytes)
            }
        }
    }

    @Test func namesAreFoundInAnyCaseAndPlace() {
        #expect(
            nominated("A-b: 1\r\nConnection: ,a-B,, c ,\r\nC: 2\r\na-b:\r\nAb: 3\r\n") == ["A-b", "C", "a-b"])
        #expect(nominated("Connection: a\r\nA: 1\r\nConnection: b\r\nB: 2\r\nC: 3\r\n") == ["A", "B"])
        #expect(nominated("Connection: close\r\nClose: 1\r\n") == [])
        let long = String(repeating: "n", count: 100)
        // The lengths are the same modulo 64.
        #expect(nominated("Connection: \(long)\r\n\(long.dropFirst(64)): 1\r\n\(long): 2\r\n") == [long])
        let many = (0..<32).map { "n\($0)" }
        let fields = many.map { "\($0): 1\r\n" }.joined()
        #expect(nominated("Connection: \(many.joined(separator: ","))\r\n\(fields)n32: 1\r\n") == many)
    }

    @Test func aHeadWithoutNominationNamesNothing() {
        #expect(nominated("Connection: keep-alive\r\nKeep-Alive: 1\r\nA: 2\r\n") == [])
    }

    // MARK: Expectations

    @Test(arguments: ["", ",", " , ,\t,"])
    func anEmptyExpectIsNoExpectation(_ value: String) {
        let (outcome, head) = head("Expect: \(value)\r\nContent-Length: 1\r\n")
        #expect(outcome.verdict == .complete && !head.expectsContinue)
    }

    // MARK: HEAD

    @Test func aHeadIsKnownBeforeItsLineIs() {
        let long = String(repeating: "a", count: 9000)
        for text in ["HEAD /\(long)", "HEAD / HTTP/1.1\nHost: a\n\n", "\r\nHEAD / HTTP/1.1\n"] {
            let bytes = Array(text.utf8)
            for steps in [nil, Array(0...bytes.count)] {
                let (outcome, head) = HeadFixture.request(bytes, steps: steps)
                #expect(outcome.verdict == .refused(text.contains("aa") ? .targetTooLong : .bareLineFeed))
                #expect(head.method == .head)
            }
        }
        for text in [
            "GET /\(long)", "HEADS /\(long)", "head / HTTP/1.1\n", "HEAD\n", "\nHEAD / HTTP/1.1\r\n",
            "FOO\r\nHEAD / HTTP/1.1\r\n\r\n",
        ] {
            #expect(HeadFixture.request(Array(text.utf8)).head.method != .head)
        }
    }

    // MARK: Trailers

    /// The fault of a chunked body behind a head with these facts.
    private func fault(_ text: String, facts: FieldSummary.Facts) -> MessageFault? {
        var progress = BodyProgress(.chunked, facts: facts)
        return Array(text.utf8).withUnsafeBufferPointer { buffer in
            buffer.baseAddress.flatMap { progress.take($0, count: buffer.count).fault }
        }
    }

    @Test func aHeadThatNamesFieldsHasNoTrailers() {
        let body = "1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n"
        #expect(fault(body, facts: [.chunked, .nominates]) == nil)
        #expect(fault(body, facts: [.chunked, .nominates, .nominatesTrailers]) == .forbiddenTrailer)
        #expect(fault("1\r\na\r\n0\r\n\r\n", facts: [.nominates, .nominatesTrailers]) == nil)
        #expect(fault("0\r\n: b\r\n\r\n", facts: [.nominatesTrailers]) == .badTrailer)
    }

    @Test func theScannerHasNotGrown() {
        #expect(MemoryLayout<ChunkedScanner>.size == 16)
        #expect(MemoryLayout<Field>.stride == 10)
    }

    @Test(arguments: [
        ("0\r\nProxy-Any", MessageFault.forbiddenTrailer), ("0\r\nproxy_", .forbiddenTrailer),
        ("0\r\nProxy-Authenticate: x", .forbiddenTrailer), ("0\r\nProxy: x", .forbiddenTrailer),
        ("0\r\nVia: 1.1 x", .forbiddenTrailer),
    ])
    func whatProxiesSayIsNoTrailer(_ text: String, _ fault: MessageFault) {
        for step in [1, 3, 1000] {
            #expect(ChunkedScannerTests.scan(Array(text.utf8), step: step).fault == fault)
        }
    }

    @Test func otherNamesMayBeginAlike() {
        for name in ["Proxies", "Prox-y", "Vial", "Proxy1", "X-Proxy-A"] {
            #expect(ChunkedScannerTests.scan(Array("0\r\n\(name): x\r\n\r\n".utf8), step: 1).isDone)
        }
    }
}
