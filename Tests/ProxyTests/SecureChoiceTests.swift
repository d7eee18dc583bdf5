import COpenSSL
import Linux
import Proxy
import Testing

/// What clients may choose of TLS, and what they may not.
@Suite(.timeLimit(.minutes(2))) struct SecureChoiceTests {
    private static let request = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"

    private func client(_ secure: SecureRig, _ version: Int32) throws -> SecureClient {
        try SecureClient(authority: secure.folder.certificate("ca"), versions: version...version)
    }

    @Test func ciphersThatAreNotAuthenticatedEncryptionAreRefused() async throws {
        let secure = try SecureRig([])
        for (ciphers, isTaken) in [
            ("ECDHE-ECDSA-AES128-SHA256", false), ("ECDHE-ECDSA-AES256-SHA384", false),
            ("ECDHE-ECDSA-AES128-SHA", false), ("ECDHE-ECDSA-AES128-GCM-SHA256", true),
            ("ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305", true),
        ] {
            let client = try client(secure, TLS1_2_VERSION)
            client.offer(ciphers: ciphers)
            #expect((client.connect(to: secure.address) != nil) == isTaken, "\(ciphers)")
        }
        #expect(await Rig.eventually { secure.counts.refused == 3 && secure.counts.done == 2 })
    }

    @Test func onlyTheListedGroupsAreTaken() async throws {
        let secure = try SecureRig([])
        for (groups, isTaken) in [
            ("P-521", false), ("X25519", true), ("P-256", true), ("P-384", true), ("P-521:P-384", true),
        ] {
            let client = try client(secure, TLS1_3_VERSION)
            client.offer(groups: groups)
            #expect((client.connect(to: secure.address) != nil) == isTaken, "\(groups)")
        }
        #expect(await Rig.eventually { secure.counts.refused == 1 && secure.counts.done == 4 })
    }

    @Test func theNewestProtocolOfHTTP1IsTaken() async throws {
        let backend = try Backend.echoing("x")
        let secure = try SecureRig([backend.address])
        let offers: [(offered: [String], taken: String?)] = [
            (["http/1.0"], "http/1.0"), (["h2", "http/1.0"], "http/1.0"),
            (["http/1.0", "http/1.1"], "http/1.1"), (["http/1.1", "http/1.0"], "http/1.1"),
            (["h2", "http/0.9"], nil), (["http/1"], nil),
        ]
        for (offered, taken) in offers {
            let client = try SecureClient(authority: secure.folder.certificate("ca"))
            client.offer(offered)
            let wire = client.connect(to: secure.address)
            #expect(wire?.applicationProtocol == taken, "\(offered)")
            #expect((wire != nil) == (taken != nil), "\(offered)")
            if let wire, taken == "http/1.0" {
                wire.send("GET / HTTP/1.0\r\nHost: a.test\r\n\r\n")
                #expect(wire.readMessage(untilClose: true)?.text == "x")
            }
        }
        #expect(await Rig.eventually { secure.counts.refused == 2 && secure.counts.done == 4 })
    }

    @Test func earlyDataIsNotTaken() throws {
        let backend = try Backend.echoing("x")
        let secure = try SecureRig([backend.address])
        let client = try client(secure, TLS1_3_VERSION)
        let first = try #require(client.connect(to: secure.address))
        first.send(SecureChoiceTests.request)
        #expect(first.readMessage()?.text == "x")
        client.keepSession(of: first)
        let session = try #require(client.session)
        #expect(SSL_SESSION_get_max_early_data(session) == 0, "tickets do not invite early data")
        // A client that sends it all the same is heard from the handshake's end on.
        #expect(SSL_SESSION_set_max_early_data(session, 16_384) == 1)
        let eager = Wire(to: secure.address)
        let early = "GET /early HTTP/1.1\r\nHost: a.test\r\n\r\n"
        try #require(client.shakeHands(over: eager, early: early))
        let ssl = try #require(eager.ssl)
        #expect(SSL_get_early_data_status(ssl) == SSL_EARLY_DATA_REJECTED)
        #expect(eager.isResumed)
        eager.send(SecureChoiceTests.request)
        #expect(eager.readMessage()?.text == "x")
        #expect(backend.startLines == ["GET / HTTP/1.1", "GET / HTTP/1.1"])
    }
}
