import Fixtures
import Glibc
import Linux
import Store
import Testing

@Suite struct TLSTests {
    private let certificates: TestCertificates

    init() throws {
        signal(SIGPIPE, SIG_IGN)  // as the program's main does: libssl writes with write(2)
        certificates = try TestCertificates()
    }

    private func tls(_ change: (inout TLSSettings) -> Void = { _ in }) -> TLSSettings {
        var settings = TLSSettings(authorityFile: certificates.certificate("ca"))
        change(&settings)
        return settings
    }

    private func open(_ url: String, _ tls: TLSSettings) throws -> StoreConnection {
        try StoreConnection.open(try settings(url, tls: tls), until: soon())
    }

    private func fault(_ url: String, _ tls: TLSSettings) -> StoreFault? {
        #expect(throws: StoreFault.self) { try open(url, tls) }
    }

    @Test func aCertificateFromOurAuthorityIsAccepted() async throws {
        let server = try RedisServer(tls: certificates.files())
        for host in ["localhost", "127.0.0.1"] {
            let connection = try open(server.url(tls: true, host: host), tls())
            let value = String(repeating: "9", count: 3 * 1024 * 1024)
            let echo = Command("ECHO", value)
            let replies = try connection.pipeline([echo, echo], until: soon(20_000))
            #expect(replies == Array(repeating: .bulk(Array(value.utf8)), count: 2))
            #expect(connection.isUsable())
            try server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            #expect(await eventually { !connection.isUsable() })
        }
    }

    @Test func anUnknownAuthorityIsRefused() throws {
        try certificates.addAuthority("other-ca")
        let server = try RedisServer(tls: certificates.files())
        let other = fault(
            server.url(tls: true), tls { $0.authorityFile = certificates.certificate("other-ca") })
        let system = fault(server.url(tls: true), tls { $0.authorityFile = nil })
        for fault in [other, system] {
            #expect(fault?.kind == .configuration)
            #expect(fault?.description.contains("name the file of the CA that signed it") == true)
        }
    }

    @Test func aWrongNameIsRefused() throws {
        try certificates.addSigned("named", names: "DNS:redis.example")
        let server = try RedisServer(tls: certificates.files("named"))
        for host in ["localhost", "127.0.0.1"] {
            let fault = fault(server.url(tls: true, host: host), tls())
            #expect(fault?.kind == .configuration)
            #expect(fault?.description.contains("set the TLS server name") == true)
        }
        let named = tls { $0.serverName = "redis.example" }
        #expect(try open(server.url(tls: true), named).isOpen)
        let unverified = tls {
            $0.verifiesServer = false
            $0.authorityFile = nil
        }
        #expect(try open(server.url(tls: true), unverified).isOpen)
    }

    @Test func aClientCertificateIsShownWhenAsked() throws {
        try certificates.addSigned("client", names: "DNS:agent")
        try certificates.addAuthority("other-ca")
        let server = try RedisServer(tls: certificates.files(asksForClientCertificate: true))
        let signed = tls {
            $0.certificateFile = certificates.certificate("client")
            $0.keyFile = certificates.key("client")
        }
        #expect(try open(server.url(tls: true), signed).isOpen)
        let missing = fault(server.url(tls: true), tls())
        #expect(missing?.description.contains("asks for a client certificate") == true)
        let foreign = tls {
            $0.certificateFile = certificates.certificate("other-ca")
            $0.keyFile = certificates.key("other-ca")
        }
        #expect(fault(server.url(tls: true), foreign)?.description.contains("client's certificate") == true)
    }

    @Test func filesThatCannotBeUsedAreNamed() throws {
        try certificates.addSigned("client", names: "DNS:agent")
        let server = try RedisServer(tls: certificates.files())
        let url = server.url(tls: true)
        let cases = [
            (tls { $0.authorityFile = "/nowhere/ca.pem" }, "/nowhere/ca.pem"),
            (tls { $0.authorityFile = certificates.key("ca") }, certificates.key("ca")),
            (tls { $0.certificateFile = "/nowhere/client.pem" }, "/nowhere/client.pem"),
            (
                tls {
                    $0.certificateFile = certificates.certificate("client")
                    $0.keyFile = certificates.key("server")
                }, certificates.key("server")
            ),
        ]
        for (tls, path) in cases {
            let fault = fault(url, tls)
            #expect(fault?.kind == .configuration)
            #expect(fault?.description.contains(path) == true)
        }
    }

    @Test func plainAndTLSAreToldApart() throws {
        let plain = try RedisServer()
        // A plain Redis waits for the end of a line that a TLS greeting lacks.
        let wrongScheme = #expect(throws: StoreFault.self) {
            try StoreConnection.open(try settings(plain.url(tls: true), tls: tls()), until: soon(100))
        }
        #expect(wrongScheme?.description.contains("does the server speak TLS on this port?") == true)
        let talker = try FakeServer([.take, .give(Array("-ERR Protocol error\r\n".utf8)), .hold])
        let refused = fault("rediss://127.0.0.1:\(talker.port)", tls())
        #expect(refused?.description.contains("does not speak TLS") == true)
        let secure = try RedisServer(tls: certificates.files())
        let missingScheme = fault(secure.url(), tls())
        #expect(missingScheme?.description.contains("rediss://") == true)
    }

    @Test func aPeerThatSaysNothingIsLeftAtTheDeadline() throws {
        let silent = try FakeServer([.hold])
        let start = Instant.now()
        let fault = #expect(throws: StoreFault.self) {
            try StoreConnection.open(
                try settings("rediss://127.0.0.1:\(silent.port)", tls: tls()),
                until: start.advanced(milliseconds: 100))
        }
        #expect((100..<1500).contains(Instant.now().milliseconds(since: start)))
        guard case .timeout = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
    }

    @Test func aFrozenTLSServerIsLeftAtTheDeadline() throws {
        let server = try RedisServer(tls: certificates.files())
        let connection = try open(server.url(tls: true), tls())
        server.pause()
        defer { server.resume() }
        let start = Instant.now()
        #expect(throws: StoreFault.self) {
            try connection.call(Command("PING"), until: start.advanced(milliseconds: 100))
        }
        #expect((100..<1500).contains(Instant.now().milliseconds(since: start)))
        #expect(!connection.isOpen)
    }

    @Test func aServerThatDiesWhileWeWriteDoesNotKillUs() throws {
        let server = try RedisServer(tls: certificates.files())
        let connection = try open(server.url(tls: true), tls())
        server.stop()
        let echo = Command("ECHO", String(repeating: "1", count: 1024 * 1024))
        #expect(throws: StoreFault.self) { try connection.pipeline([echo, echo], until: soon()) }
        #expect(!connection.isOpen)
    }

    @Test func anOldProtocolIsRefused() throws {
        var files = certificates.files()
        files.asksForClientCertificate = false
        let server = try RedisServer(
            tls: files, configuration: ["tls-protocols \"TLSv1.1\"", "tls-ciphers DEFAULT@SECLEVEL=0"])
        #expect(fault(server.url(tls: true), tls())?.description.contains("TLS") == true)
    }
}
