import Fixtures
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
            address: "[fd00::1]:3000", healthy: true, requests: 1 << 48, errors: 0, inFlight: 3, p50: p50,
            p90: nil, p99: 1e-3)
        let traffic = Traffic(epoch: 1 << 50, servers: [server, server])
        let json = try #require(traffic.json)
        #expect(try Traffic(json: json) == traffic)
        #expect(try JSONForm.document(Traffic.self, from: json) == traffic)
        #expect(throws: (any Error).self) { try Traffic(json: Array("[]".utf8)) }
        // What no leader counted is brought to what can be added up.
        var wild = traffic
        (wild.servers[0].requests, wild.servers[0].errors) = (.max, .min)
        let tame = try Traffic(json: try #require(wild.json)).servers[0]
        #expect(tame.requests == 1 << 48 && tame.errors == 0)
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

    /// The hosts have a way of their own, which must say what the others say, to the byte.
    @Test func hostsAreWrittenAsEverythingElse() throws {
        var generator = SeededGenerator(seed: 7)
        func number() -> Double? {
            switch UInt8.random(in: 0..<6, using: &generator) {
            case 0: nil
            case 1: Double(Int.random(in: -5...1_000_000, using: &generator))
            case 2: Double.random(in: 0...1, using: &generator)
            case 3: (Double.random(in: 0...1, using: &generator) * 10_000).rounded() / 10_000
            case 4: Double(bitPattern: UInt64.random(in: 0...(0x7FE << 52), using: &generator))
            default: -Double.random(in: 0...1e-9, using: &generator)
            }
        }
        let plain = try status("x", cpu: nil).hosts[0]
        for _ in 0..<2000 {
            var host = plain
            (host.cpu, host.load1, host.diskRead, host.filesystemUsed) = (
                number(), number(), number(), number()
            )
            host.reportAgeMs = number().flatMap { Int64(exactly: $0) }
            host.agentVersion = Bool.random(using: &generator) ? nil : "0.1 \"\\\n\u{1} 🐒"
            let rows = try #require(HostRows.bytes([host, host]))
            #expect(rows == QuickEncoder.bytes([host, host]))
            #expect(try HostRows.hosts(rows[...]) == [host, host])
        }
        #expect(HostRows.bytes([]) == Array("[]".utf8))
        #expect(try HostRows.hosts(Array("[]".utf8)[...]) == [])
    }

    @Test func hostsOfAnotherVersionAreRead() throws {
        let text =
            #"[{"load1":1e-3,"new":{"a":[1,"]}"],"b":"x\"},"},"state":"up","name":"b","cores":4,"soon":true,"cpu":null}]"#
        let host = try #require(try HostRows.hosts(Array(text.utf8)[...]).first)
        #expect(host.name == "b" && host.state == "up" && host.cores == 4)
        #expect(host.load1 == 1e-3 && host.cpu == nil && host.address == "")
    }

    @Test func brokenHostsThrow() throws {
        let whole = try #require(HostRows.bytes(try status("x", cpu: 0.123).hosts))
        for length in 0..<whole.count {
            #expect(throws: HostRows.Fault.self) { try HostRows.hosts(whole[..<length]) }
        }
        for text in [
            "[{}]", #"[{"name":7}]"#, #"[{"name":"a","cpu":"x"}]"#, #"[{"name":"a","cores":1.5}]"#,
            #"[{"name":"a","cores":99999999999999999999}]"#, #"[{"name":"a","memory_total_bytes":-1}]"#,
            #"[{"name":"a","cpu":--1}]"#, #"[{"name":"a","cpu":}]"#, #"[{"name":"a" ,"cpu":1}]"#,
        ] {
            #expect(throws: HostRows.Fault.self, "\(text)") { try HostRows.hosts(Array(text.utf8)[...]) }
        }
        var generator = SeededGenerator(seed: 9)
        for _ in 0..<20_000 {
            var bent = whole
            let place = Int.random(in: 0..<bent.count, using: &generator)
            bent[place] = UInt8.random(in: 0...255, using: &generator)
            _ = try? HostRows.hosts(bent[...])
        }
    }
}
