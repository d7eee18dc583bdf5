import Glibc
import Linux
import Proxy
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct SecureServerTests {
    private let folder: CertificateFolder

    init() throws {
        folder = try CertificateFolder()
        try folder.add("here", "IP:127.0.0.1,DNS:server.test")
        try folder.add("elsewhere", "IP:127.0.0.9,DNS:elsewhere.test")
    }

    /// A server that echoes bodies under TLS, or reports how a handshake went.
    private func server(_ name: String) throws -> Backend {
        let files = (folder.certificate(name), folder.key(name))
        return try Backend { backend, wire, _ in
            guard wire.accept(files) else { return }
            while let request = wire.readMessage() {
                backend.note(request)
                let head = "HTTP/1.1 200 OK\r\nContent-Length: \(request.body.count)\r\n\r\n"
                guard wire.send(Array(head.utf8) + request.body) else { return }
            }
        }
    }

    private func rig(_ servers: [SocketAddress], _ adjust: (inout ServerTLSSettings) -> Void = { _ in })
        throws
        -> Rig
    {
        var settings = ServerTLSSettings()
        settings.authority = folder.certificate("ca")
        adjust(&settings)
        return try Rig(servers) {
            $0.serverTLS = settings
            $0.restedMilliseconds = 60_000  // long bodies take their time to make
        }
    }

    @Test func requestsAndBodiesPassOverKeptConnections() throws {
        let backend = try server("here")
        let rig = try rig([backend.address])
        let wire = rig.connect()
        for size in [0, 1, 16_384, 100_000, 5_000_000] {
            let body = Rig.pattern(size)
            wire.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: \(size)\r\n\r\n")
            wire.send(body)
            #expect(wire.readMessage()?.body == body)
        }
        for _ in 0..<20 {
            wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok")
            #expect(wire.readMessage()?.text == "ok")
        }
        #expect(backend.connections == 1)
    }

    @Test func aServerThatCannotProveItselfGetsNothing() throws {
        let backend = try server("elsewhere")
        let rig = try rig([backend.address])
        let response = try #require(rig.get())
        #expect(response.status == 502)
        #expect(
            response.text.contains("its certificate was refused: IP address mismatch"), "\(response.text)")
        #expect(backend.startLines.isEmpty)
        // An authority that is not trusted.
        let stranger = try CertificateFolder()
        let other = try self.rig([backend.address]) { $0.authority = stranger.certificate("ca") }
        #expect(other.get()?.status == 502)
        // The system's authorities know nothing of ours.
        let system = try self.rig([backend.address]) { $0.authority = nil }
        #expect(system.get()?.text.contains("its certificate was refused") == true)
        #expect(backend.startLines.isEmpty)
        // Another server that can prove itself is tried instead.
        let good = try server("here")
        let both = try self.rig([backend.address, good.address])
        for _ in 0..<4 { #expect(both.get()?.status == 200) }
        #expect(backend.startLines.isEmpty && good.startLines.count == 4)
    }

    @Test func namesAndExceptionsAreSettings() throws {
        let backend = try server("elsewhere")
        #expect(try rig([backend.address]) { $0.serverName = "elsewhere.test" }.get()?.status == 200)
        #expect(try rig([backend.address]) { $0.serverName = "127.0.0.9" }.get()?.status == 200)
        #expect(try rig([backend.address]) { $0.serverName = "server.test" }.get()?.status == 502)
        #expect(try rig([backend.address]) { $0.verifies = false }.get()?.status == 200)
        #expect(throws: ProxyFault.self) { try rig([]) { $0.authority = folder.key("ca") } }
        #expect(throws: ProxyFault.self) { try rig([]) { $0.authority = "\(folder.path)/none" } }
    }

    @Test func aPlainServerIsALossAndASilentOneATimeout() throws {
        let plain = try Backend { _, wire, _ in
            wire.send("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")
            _ = wire.readToEnd()
        }
        let response = try #require(try rig([plain.address]).get())
        #expect(response.status == 502 && response.text.contains("TLS handshake failed"))
        let silent = try Backend { _, wire, _ in _ = wire.readToEnd() }
        #expect(try rig([silent.address]).get()?.status == 504)
    }

    @Test func aBodyUntilCloseMustEndProperly() throws {
        let files = (folder.certificate("here"), folder.key("here"))
        let backend = try Backend { _, wire, number in
            guard wire.accept(files), wire.readMessage() != nil else { return }
            wire.send("HTTP/1.1 200 OK\r\n\r\nwhole?")
            if number == 1 { wire.sayGoodbye() }
            wire.finishWriting()
            _ = wire.readToEnd()
        }
        let rig = try rig([backend.address])
        #expect(rig.get()?.text == "whole?")
        let wire = rig.connect()
        // An HTTP/1.0 client has nothing but the connection's end to tell the body's by.
        wire.send("GET / HTTP/1.0\r\nHost: x\r\n\r\n")
        _ = wire.readMessage(untilClose: true)
        #expect(wire.lastError == ECONNRESET)
    }

    @Test func bothSidesMaySpeakTLS() throws {
        let backend = try server("here")
        var settings = ServerTLSSettings()
        settings.authority = folder.certificate("ca")
        let secure = try SecureRig([backend.address]) { $0.serverTLS = settings }
        let wire = try #require(secure.connect())
        let body = Rig.pattern(3_000_000)
        wire.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.count)\r\n\r\n")
        wire.send(body)
        #expect(wire.readMessage()?.body == body)
    }

    @Test func healthChecksSpeakTLSToo() async throws {
        let good = try server("here")
        let bad = try server("elsewhere")
        let plain = try Backend { _, wire, _ in wire.send("HTTP/1.1 400 Bad\r\n\r\n") }
        var settings = HealthSettings()
        settings.intervalMilliseconds = 50
        settings.timeoutMilliseconds = 5_000
        settings.fall = 1
        var tls = ServerTLSSettings()
        tls.authority = folder.certificate("ca")
        settings.tls = tls
        let checker = try HealthChecker(settings) { _ in }
        defer { checker.stop() }
        checker.watch([good.address, bad.address, plain.address])
        #expect(await Rig.eventually { checker.states()[good.address]?.isHealthy == true })
        #expect(
            await Rig.eventually {
                checker.states()[bad.address]
                    == .unhealthy(.system("its certificate was refused: IP address mismatch"))
                    && checker.states()[plain.address] == .unhealthy(.system("the TLS handshake failed"))
            })
        #expect(bad.startLines.isEmpty && good.startLines.first == "GET / HTTP/1.1")
    }

    @Test func aSlowServerHoldsTheClientBackAndGetsEverything() async throws {
        let files = (folder.certificate("here"), folder.key("here"))
        let gate = try Doorbell()
        let backend = try Backend { _, wire, _ in
            guard wire.accept(files), gate.wait(milliseconds: 30_000), let request = wire.readMessage() else {
                return
            }
            let head = "HTTP/1.1 200 OK\r\nContent-Length: \(request.body.count)\r\n\r\n"
            wire.send(Array(head.utf8) + request.body)
        }
        var settings = ServerTLSSettings()
        settings.authority = folder.certificate("ca")
        let secure = try SecureRig([backend.address]) { $0.serverTLS = settings }
        let (address, authority) = (secure.address, secure.folder.certificate("ca"))
        let body = Rig.pattern(20_000_000)
        let isWhole = Mutex<Bool?>(nil)
        let thread = try Thread.start(named: "sender") {
            let wire = try? SecureClient(authority: authority).connect(to: address)
            wire?.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.count)\r\n\r\n")
            wire?.send(body)
            isWhole.withLock { $0 = wire?.readMessage()?.body == body }
        }
        #expect(await Rig.eventually { secure.rig.proxy.snapshot().listener.bytesFromClients > 100_000 })
        #expect(isWhole.withLock { $0 } == nil)
        gate.ring()
        thread.join()
        #expect(isWhole.withLock { $0 } == true)
    }
}
