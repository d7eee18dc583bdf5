import HTTP
import Linux
import Testing

@testable import Proxy

/// What servers are told of clients, and who is believed.
@Suite(.timeLimit(.minutes(5))) struct ForwardingTests {
    /// A server that answers with the head it got, its lines in order.
    static func mirror() throws -> Backend {
        try Backend { _, wire, _ in
            while let request = wire.readMessage() {
                let body = request.fields.map { "\($0.name): \($0.value)" }.joined(separator: "\n")
                wire.send(
                    "HTTP/1.1 200 OK\r\nX-Request-Id: own\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                )
            }
        }
    }

    /// What the server gets of a request with these lines, without its `Host`.
    private func passed(
        _ lines: String, adjust: (inout ForwardingSettings) throws -> Void
    ) throws -> (lines: [String], response: Wire.Message) {
        let backend = try ForwardingTests.mirror()
        var forwarding = ForwardingSettings()
        try adjust(&forwarding)
        let rig = try Rig([backend.address]) { $0.forwarding = forwarding }
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x.test\r\n\(lines)\r\n")
        let response = try #require(wire.readMessage())
        return (
            response.text.split(separator: "\n").map(String.init).filter { $0 != "Host: x.test" }, response
        )
    }

    private static let told =
        "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n"
        + "Forwarded: for=203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\n"

    @Test func whatStrangersSayIsReplaced() throws {
        let (lines, _) = try passed(ForwardingTests.told) { $0.trust = [try Network("10.0.0.0/8")] }
        #expect(
            lines == [
                "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: x.test",
            ])
    }

    @Test func whatTrustedProxiesSayIsKeptAndAddedTo() throws {
        let (lines, _) = try passed(ForwardingTests.told + "X-Forwarded-For: 10.1.1.1\r\n") {
            $0.trust = [try Network("127.0.0.0/8")]
        }
        #expect(
            lines == [
                "X-Forwarded-Proto: https", "X-Forwarded-Port: 443", "Forwarded: for=203.0.113.9",
                "X-Real-IP: 203.0.113.9", "X-Forwarded-For: 203.0.113.9, 10.1.1.1, 127.0.0.1",
                "X-Forwarded-Host: x.test",
            ])
    }

    @Test func aTrustedProxyThatSaysNothingIsToldOfLikeAClient() throws {
        let (lines, _) = try passed("A: 1\r\n") { $0.trust = [try Network("127.0.0.1")] }
        #expect(
            lines == [
                "A: 1", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: x.test",
            ])
    }

    @Test func aClientCannotNameAwayWhatATrustedProxySays() throws {
        let (lines, _) = try passed("X-Forwarded-For: 203.0.113.9\r\nConnection: x-forwarded-for\r\n") {
            $0.trust = [try Network("127.0.0.1")]
        }
        #expect(lines.first == "X-Forwarded-For: 203.0.113.9, 127.0.0.1")
    }

    @Test func forwardedIsWrittenWhenAskedFor() throws {
        let (strange, _) = try passed(ForwardingTests.told) {
            $0.forwarded = true
            $0.xForwarded = false
        }
        #expect(strange == ["Forwarded: for=127.0.0.1;proto=http;host=\"x.test\""])
        let (trusted, _) = try passed(ForwardingTests.told) {
            $0.forwarded = true
            $0.trust = [try Network("127.0.0.1")]
        }
        #expect(
            trusted.contains("Forwarded: for=203.0.113.9, for=127.0.0.1;proto=http;host=\"x.test\""))
    }

    @Test func nothingIsToldWhenSoSet() throws {
        let (lines, _) = try passed(ForwardingTests.told) { $0.xForwarded = false }
        #expect(lines == [])
    }

    @Test func newAddressesAreQuotedInForwarded() throws {
        let bytes = Array("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n".utf8)
        let text = try rewritten(bytes, client: "2001:db8::1") { $0.options = .forwarded }
        #expect(text.hasSuffix("Forwarded: for=\"[2001:db8::1]\";proto=http;host=\"[::1]:80\"\r\n\r\n"))
    }

    @Test func theSchemeIsTold() throws {
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        let text = try rewritten(bytes, client: "192.0.2.1") { $0.isSecure = true }
        #expect(text.contains("X-Forwarded-Proto: https\r\n"))
    }

    /// A request head as the rewriter puts it.
    private func rewritten(
        _ bytes: [UInt8], client: String, adjust: (inout HeadRewriter.Origin) -> Void
    ) throws -> String {
        let fields = UnsafeMutablePointer<Field>.allocate(capacity: 100)
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: 8192)
        defer {
            fields.deallocate()
            memory.deallocate()
        }
        let address = memory + 4096
        for (index, byte) in bytes.enumerated() { memory[index] = byte }
        for (index, byte) in client.utf8.enumerated() { address[index] = byte }
        var parser = RequestParser()
        try #require(
            parser.parse(memory, count: bytes.count, fields: fields, limits: HeadLimits()) == .complete)
        var writer = HeadWriter(memory + 5000, capacity: 3000)
        var origin = HeadRewriter.Origin(client: address, clientLength: client.utf8.count)
        adjust(&origin)
        HeadRewriter(base: memory, fields: fields).request(
            parser.head, from: origin, server: address, serverLength: 0, into: &writer)
        return String(decoding: UnsafeBufferPointer(start: memory + 5000, count: writer.count), as: UTF8.self)
    }

    // MARK: Ids

    private static func isID(_ text: String) -> Bool {
        text.utf8.count == 32 && text.allSatisfy { $0.isHexDigit && !$0.isUppercase }
    }

    @Test func eachRequestGetsAnIdThatTheClientHearsOf() throws {
        let backend = try ForwardingTests.mirror()
        let rig = try Rig([backend.address]) { $0.forwarding.requestID = true }
        let wire = rig.connect()
        var seen: Set<String> = []
        for _ in 0..<50 {
            wire.send("GET / HTTP/1.1\r\nHost: x.test\r\nX-Request-Id: mine\r\nX_Request-ID: mine\r\n\r\n")
            let response = try #require(wire.readMessage())
            let ids = response.fields.filter { $0.name == "X-Request-Id" }.map(\.value)
            #expect(ids.count == 1)
            let id = try #require(ids.first)
            #expect(ForwardingTests.isID(id))
            #expect(response.text.contains("X-Request-Id: \(id)") && !response.text.contains("mine"))
            seen.insert(id)
        }
        #expect(seen.count == 50)
    }

    @Test(arguments: [
        ("abc-123_./=:@~+", true), ("a b", false), ("", false), ("a\"b", false), ("a<b", false),
        (String(repeating: "x", count: 64), true), (String(repeating: "x", count: 65), false),
    ])
    func trustedProxiesBringHarmlessIds(_ id: String, _ isKept: Bool) throws {
        let (lines, response) = try passed("X-Request-Id: \(id)\r\n") {
            $0.trust = [try Network("127.0.0.1")]
            $0.requestID = true
        }
        let told = try #require(response.field("X-Request-Id"))
        #expect((told == id) == isKept)
        #expect(lines.filter { $0.hasPrefix("X-Request-Id") } == ["X-Request-Id: \(told)"])
    }

    @Test func withoutTheOptionIdsPassAsTheyAre() throws {
        let (lines, response) = try passed("X-Request-Id: mine\r\n") { $0.requestID = false }
        #expect(lines.first == "X-Request-Id: mine")
        #expect(response.field("X-Request-Id") == "own")
    }

    // MARK: Traces

    private static let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test(arguments: [
        (ForwardingTests.trace, true),
        ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", true),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", false),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", false),
        ("", false),
    ])
    func validTracesPassAndOthersAreStarted(_ value: String, _ isValid: Bool) throws {
        let (lines, _) = try passed("traceparent: \(value)\r\ntracestate: a=1\r\n") {
            $0.startsTraces = true
        }
        let traces = lines.filter { $0.lowercased().hasPrefix("trace") }
        if isValid {
            #expect(traces == ["traceparent: \(value)", "tracestate: a=1"])
        } else {
            #expect(traces.count == 1)
            let started = Array(try #require(traces.first).dropFirst("traceparent: ".count).utf8)
            #expect(started.count == 55 && started != Array(value.utf8))
            started.withUnsafeBufferPointer {
                if let base = $0.baseAddress { #expect(TraceParent.isValid(base, $0.count)) }
            }
        }
    }

    @Test func withoutTheOptionTracesPassAsTheyAre() throws {
        let (lines, _) = try passed("traceparent: nonsense\r\n") { _ in }
        #expect(lines.first == "traceparent: nonsense")
        let (none, _) = try passed("") { _ in }
        #expect(!none.contains { $0.hasPrefix("traceparent") })
    }

    @Test func twoTracesAreNone() throws {
        let line = "traceparent: \(ForwardingTests.trace)\r\n"
        let (lines, _) = try passed(line + line) { $0.startsTraces = true }
        #expect(lines.filter { $0.hasPrefix("traceparent") }.count == 1)
        #expect(!lines.contains("traceparent: \(ForwardingTests.trace)"))
    }

    // MARK: Networks

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.0", false),
        ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.6", false),
        ("0.0.0.0/0", "203.0.113.1", true), ("0.0.0.0/0", "2001:db8::1", false),
        ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false),
        ("::/0", "2001:db8::1", true), ("fd00::1", "fd00::1", true), ("fd00::1", "fd00::2", false),
        ("10.0.0.0/8", "::ffff:10.1.2.3", true), ("2001:db8::/65", "2001:db8::7fff:0:0:1", true),
        ("2001:db8::/65", "2001:db8::8000:0:0:1", false),
    ])
    func networksHoldTheirAddresses(_ network: String, _ address: String, _ isInside: Bool) throws {
        let networks = TrustedNetworks([try Network("192.168.0.0/16"), try Network(network)])
        defer { networks.deallocate() }
        #expect(networks.contains(try bits(address)) == isInside)
    }

    private func bits(_ text: String) throws -> AddressBits {
        try #require(
            Array(text.utf8).withUnsafeBufferPointer { bytes in
                bytes.baseAddress.flatMap { AddressBits(text: $0, count: bytes.count) }
            })
    }

    @Test(arguments: [
        ("10.0.0.0/8", nil), ("::1", nil), ("10.0.0.1/8", Network.Fault.bitsBeyondPrefix),
        ("10.0.0.0/33", .badPrefix), ("10.0.0.0/", .badPrefix), ("10.0.0.0/+8", .badPrefix),
        ("fd00::/129", .badPrefix), ("host", .badAddress), ("", .badAddress), ("10.0.0/8", .badAddress),
        ("[::1]/128", .badAddress),
    ])
    func badNetworksAreNamed(_ text: String, _ fault: Network.Fault?) {
        do throws(Network.Fault) {
            let network = try Network(text)
            #expect(fault == nil)
            #expect(network.description.hasPrefix(text))
        } catch {
            #expect(error == fault)
        }
    }

    // MARK: The chain

    @Test(arguments: [
        ("203.0.113.9", "203.0.113.9"), ("6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.3,10.0.0.2", "10.0.0.3"), ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::1]:80", "2001:db8::1"), ("2001:db8::1", "2001:db8::1"), ("unknown", nil),
        ("6.6.6.6, unknown, 10.0.0.2", "10.0.0.2"), (" ", nil), ("", nil), (",", nil),
        ("6.6.6.6,", "6.6.6.6"),
        ("1.2.3.4,, ", "1.2.3.4"), (",203.0.113.9, ,10.0.0.2,", "203.0.113.9"), (",,10.0.0.2", "10.0.0.2"),
        ("6.6.6.6" + String(repeating: ",", count: 32), nil),
    ])
    func theClientIsTheFirstStrangerFromTheRight(_ value: String, _ client: String?) throws {
        let networks = TrustedNetworks([try Network("10.0.0.0/8")])
        defer { networks.deallocate() }
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: \(value)\r\n\r\n".utf8)
        var parser = RequestParser()
        let room = UnsafeMutablePointer<Field>.allocate(capacity: 100)
        defer { room.deallocate() }
        let found: AddressBits? = bytes.withUnsafeBufferPointer { head in
            guard let base = head.baseAddress else { return nil }
            _ = parser.parse(base, count: bytes.count, fields: room, limits: HeadLimits())
            return ForwardedChain.client(parser.head, base, room, trusted: networks)
        }
        #expect(found == (try client.map { try bits($0) }))
    }

    // MARK: Numbers

    @Test func hexadecimalDigitsAreThoseOfTheNumber() {
        var randomness = Randomness(seed: 1)
        for _ in 0..<1000 {
            let number = randomness.next()
            var text = [UInt8](repeating: 0, count: 16)
            text.withUnsafeMutableBufferPointer {
                if let base = $0.baseAddress { Randomness.hexadecimal(number, to: base) }
            }
            #expect(UInt64(String(decoding: text, as: UTF8.self), radix: 16) == number)
        }
    }
}
