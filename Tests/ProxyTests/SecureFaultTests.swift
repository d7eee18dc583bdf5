import CLinux
import Glibc
import Linux
import Testing

@testable import Proxy

/// What becomes of connections under TLS when one side fails, and of those beside them.
@Suite(.timeLimit(.minutes(2))) struct SecureFaultTests {
    private let folder: CertificateFolder

    init() throws {
        folder = try CertificateFolder()
        try folder.add("here", "IP:127.0.0.1")
    }

    /// A server under TLS.
    private func server(_ body: @escaping @Sendable (Wire) -> Void) throws -> Backend {
        let files = (folder.certificate("here"), folder.key("here"))
        return try Backend { _, wire, _ in if wire.accept(files) { body(wire) } }
    }

    private func rig(_ server: Backend) throws -> Rig {
        var settings = ServerTLSSettings()
        settings.authority = folder.certificate("ca")
        return try Rig([server.address]) { $0.serverTLS = settings }
    }

    /// libssl keeps a queue of errors for each thread, and a worker has many connections.
    @Test func anAlertOfOneClientDisturbsNoOther() async throws {
        let body = Rig.pattern(20_000_000)
        let backend = try Backend { _, wire, _ in
            while let request = wire.readMessage() {
                let answer = request.path == "/long" ? body : [0x61]
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(answer.count)\r\n\r\n")
                guard wire.send(answer) else { return }
            }
        }
        let secure = try SecureRig([backend.address])
        let reader = try #require(secure.connect())
        reader.send("GET /long HTTP/1.1\r\nHost: a.test\r\n\r\n")
        #expect(reader.readHead()?.status == 200)
        for _ in 0..<3 {
            let other = try #require(secure.connect())
            other.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
            #expect(other.readMessage()?.text == "a")
            other.sendAlert()
            #expect(await Rig.eventually { secure.rig.proxy.snapshot().listener.open == 1 })
        }
        #expect(reader.take(body.count) == body)
    }

    @Test func anAlertOfTheServerIsNoProperEnd() throws {
        let backend = try server { wire in
            guard wire.readMessage() != nil else { return }
            wire.send("HTTP/1.1 200 OK\r\n\r\npart")
            wire.sendAlert()
        }
        let rig = try rig(backend)
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        let text = String(decoding: wire.readToEnd(), as: UTF8.self)
        #expect(text.hasSuffix("part"), "no last chunk: \(text)")
    }

    @Test func anAnswerIsReadAlthoughTheServerTookNoMoreOfTheRequest() throws {
        let backend = try server { wire in
            guard wire.readHead() != nil else { return }
            usleep(100_000)  // what comes meanwhile is never read: closing resets the connection
            wire.send("HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nless")
            wire.sayGoodbye()
        }
        let rig = try rig(backend)
        let piece = [UInt8](repeating: 0x61, count: 100_000)
        for _ in 0..<10 {
            let wire = rig.connect()
            wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
            let descriptor = wire.descriptor
            let sender = try Thread.start(named: "upload") {
                while send(descriptor, piece, piece.count, Int32(MSG_NOSIGNAL)) > 0 {}
            }
            let answer = wire.readMessage()
            #expect(answer?.status == 413 && answer?.text == "less", "\(answer?.text ?? "no answer")")
            wire.close()
            sender.join()
        }
    }
}
