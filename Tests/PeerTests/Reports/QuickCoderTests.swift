import Testing

@testable import Peer

@Suite struct QuickCoderTests {
    private func status(_ text: String, cpu: Double?) throws -> Status {
        var status = try JSONForm.document(
            Status.self,
            from: Array(
                #"{"cluster":"c","store":{"reachable":true},"agent":{"host":"a","version":"1","election":"leader","serving":true,"proxy":"p"},"hosts":[{"name":"a","address":"x","role":"leader","state":"up","cores":8,"memory_total_bytes":18446744073709551615,"report_age_ms":-5}],"servers":[{"address":"1.2.3.4:5","host":"a","state":"active","weight":100,"latency_ms":{"p50":0.25},"reason":"","by":""}],"notices":["one","two"]}"#
                    .utf8))
        status.cluster = text
        status.notices.append(text)
        status.hosts[0].cpu = cpu
        return status
    }

    @Test(arguments: [
        "plain", "", "\"\\/\u{8}\u{0}\u{1F}\n\t", "日本 🐒", "</script>", "a,b]{}:", "\u{2028}",
    ]) func bothReadWhatEitherWrites(_ text: String) throws {
        for cpu in [nil, 0, 1, 0.1 + 0.2, 1e-300, 5e300, -0.5, 123_456_789.0] as [Double?] {
            let status = try status(text, cpu: cpu)
            let quick = try #require(status.json)
            #expect(try JSONForm.document(Status.self, from: quick) == status)
            #expect(try Status(json: quick) == status)
            #expect(try Status(json: JSONForm.bytes(status) ?? []) == status)
        }
    }

    @Test(arguments: [nil, 0.25] as [Double?]) func theLeadersNumbersComeBackAsTheyWere(_ p50: Double?) throws
    {
        let server = Traffic.Server(
            address: "[fd00::1]:3000", healthy: true, requests: .max, errors: 0, inFlight: 3, p50: p50,
            p90: nil, p99: 1e-3)
        let traffic = Traffic(epoch: 1 << 50, servers: [server, server])
        let json = try #require(traffic.json)
        #expect(try Traffic(json: json) == traffic)
        #expect(try JSONForm.document(Traffic.self, from: json) == traffic)
        #expect(throws: (any Error).self) { try Traffic(json: Array("[]".utf8)) }
    }

    @Test func numbersThatNoJSONHoldsAreNotWritten() throws {
        #expect(try status("x", cpu: .nan).json == nil)
        #expect(try status("x", cpu: .infinity).json == nil)
    }

    @Test func brokenDocumentsThrow() throws {
        let whole = try #require(try status("x", cpu: 0.5).json)
        for length in [0, 1, 2, 10, whole.count / 2, whole.count - 1] {
            #expect(throws: (any Error).self) { try Status(json: Array(whole.prefix(length))) }
        }
        for text in ["null", "[]", "{}", "{\"cluster\":7}", "\"x\"", "{\"a\""] {
            #expect(throws: (any Error).self) { try Status(json: Array(text.utf8)) }
        }
    }
}
