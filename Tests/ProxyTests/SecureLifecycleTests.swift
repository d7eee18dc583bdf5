import Linux
import Proxy
import Testing

/// The listening sockets for TLS go from one proxy to the next as the plain ones do.
@Suite(.timeLimit(.minutes(2))) struct SecureLifecycleTests {
    private static let request = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"

    /// A proxy at the rig's addresses, not open yet.
    private func successor(_ secure: SecureRig, workers: Int, _ server: SocketAddress) throws -> Proxy {
        let files = CertificateFiles(
            certificate: secure.folder.certificate("a"), key: secure.folder.key("a"))
        var settings = ProxySettings(listen: secure.rig.address, workers: workers)
        settings.drainIdleMilliseconds = 50
        settings.tls = ClientTLSSettings(listen: secure.address, certificates: [files])
        let next = try Proxy(settings)
        next.publish([RoutedServer(address: server, host: "a")])
        return next
    }

    @Test func aSuccessorTakesTheSocketsForTLSToo() async throws {
        let backend = try Backend.echoing("x")
        let secure = try SecureRig([backend.address], workers: 2) { $0.drainIdleMilliseconds = 50 }
        var current = secure.rig.proxy
        var count = 2
        // As many, more, and fewer workers than sockets.
        for workers in [2, 3, 1] {
            let next = try successor(secure, workers: workers, backend.address)
            let kept = try #require(secure.connect())
            kept.send(SecureLifecycleTests.request)
            #expect(kept.readMessage()?.field("Connection") == nil)
            let sockets = try current.copyListeners()
            #expect(sockets.plain.count == count && sockets.secure.count == count)
            current.release()
            #expect(current.address == nil && current.secureAddress == nil)
            #expect(try current.copyListeners().isEmpty)
            // Nobody accepts now: who connects waits.
            let waiting = (0..<20).map { _ in Wire(to: secure.address) }
            let plain = secure.rig.connect()
            try next.open(inheriting: sockets)
            #expect(next.address == secure.rig.address && next.secureAddress == secure.address)
            for wire in waiting {
                try #require(secure.client.shakeHands(over: wire))
                wire.send(SecureLifecycleTests.request)
                #expect(wire.readMessage()?.text == "x")
            }
            plain.send(SecureLifecycleTests.request)
            #expect(plain.readMessage()?.text == "x")
            // A connection of the last one is answered once more, and told to go.
            kept.send(SecureLifecycleTests.request)
            let last = kept.readMessage()
            #expect(last?.text == "x" && last?.field("Connection") == "close")
            #expect(kept.isAtEnd() && kept.wasToldGoodbye)
            #expect(next.snapshot().listener.secure.requests == 20)
            #expect(await current.drain(until: Instant.now().advanced(milliseconds: 10_000)) == 0)
            current.stop()
            current = next
            count = workers
        }
        current.stop()
    }
}
