import Glibc
import Linux
import Testing

@testable import Proxy

/// Why exchanges ended that the proxy itself ended, as the access log says it.
@Suite(.timeLimit(.minutes(2))) struct EndReasonTests {
    private let log = AccessLogTests()

    /// The words of the table in docs/access-log.md, and no others.
    @Test func thePageHasAllWords() throws {
        let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let page = try #require(fopen(root + "/docs/access-log.md", "re"))
        defer { fclose(page) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = fread(&bytes, 1, bytes.count, page)
        let lines = String(decoding: bytes[..<count], as: UTF8.self).split(
            separator: "\n", omittingEmptySubsequences: false)
        let start = try #require(lines.firstIndex { $0.hasPrefix("| `end` | meaning") })
        var words: [String] = []
        for line in lines[(start + 2)...].prefix(while: { $0.hasPrefix("|") }) {
            // What stands between backquotes is every second part of the first column.
            let parts = (line.dropFirst().split(separator: "|").first ?? "").split(
                separator: "`", omittingEmptySubsequences: false)
            for index in stride(from: 1, to: parts.count, by: 2) {
                words.append(String(parts[index].prefix { $0 != ":" }))
            }
        }
        #expect(words.count == Set(words).count)
        #expect(Set(words) == Set(EndReason.allCases.map { "\($0.word)" }))
    }

    private func found(_ folder: AccessLogTests.Folder) -> [String] {
        folder.lines().map { line in
            let values = log.values(line)
            return "\(values["target"] ?? "") \(values["status"] ?? "") \(values["end"] ?? "")"
        }
    }

    @Test func theQueueIsToldFromOtherLimits() async throws {
        let folder = try AccessLogTests.Folder()
        let gate = try Doorbell()
        let backend = try Backend.gated("a", gate)
        let rig = try log.logging(to: folder, [backend.address]) {
            $0.balancing.inFlightMax = 1
            $0.balancing.queueMax = 1
            $0.balancing.queueMilliseconds = 500
        }
        let wires = (0..<3).map { _ in rig.connect() }
        wires[0].send("GET /served HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await Rig.eventually { backend.startLines.count == 1 })
        wires[1].send("GET /late HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.queued == 1 })
        wires[2].send("GET /full HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(wires[2].readMessage()?.status == 503)
        #expect(wires[1].readMessage()?.status == 503)
        gate.ring()
        #expect(wires[0].readMessage()?.status == 200)
        #expect(await Rig.eventually { folder.lines().count == 3 })
        #expect(
            found(folder).sorted() == [
                "/full 503 queue_full", "/late 503 timeout_queue", "/served 200 done",
            ])
    }

    @Test func anAnswerOfTheProxysOwnThatIsNoErrorIsDone() async throws {
        let folder = try AccessLogTests.Folder()
        let rig = try log.logging(to: folder, [])
        let wire = rig.connect()
        wire.send("OPTIONS /here HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n")
        #expect(wire.readMessage()?.status == 200)
        #expect(await Rig.eventually { folder.lines().count == 1 })
        #expect(found(folder) == ["/here 200 done"])
    }

    @Test func aRedirectionIsDone() async throws {
        let folder = try AccessLogTests.Folder()
        let secure = try SecureRig([]) {
            $0.tls?.redirects = true
            $0.accessLog = AccessLogSettings(.file(folder.file))
        }
        let wire = secure.rig.connect()
        wire.send("GET /there HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(wire.readMessage()?.status == 308)
        #expect(await Rig.eventually { folder.lines().count == 1 })
        #expect(found(folder) == ["/there 308 done"])
    }

    @Test func aWholeExchangeThatTakesTooLongHasItsWord() async throws {
        let folder = try AccessLogTests.Folder()
        let slow = try Backend { _, wire, _ in
            _ = wire.readMessage()
            _ = wire.readToEnd()
        }
        let rig = try log.logging(to: folder, [slow.address]) { $0.defence.totalMilliseconds = 1000 }
        let wire = rig.connect()
        wire.send("GET /whole HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(wire.readMessage()?.status == 504)
        let uploading = rig.connect()
        uploading.send("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
        #expect(uploading.readMessage()?.status == 408)
        #expect(await Rig.eventually { folder.lines().count == 2 })
        #expect(found(folder) == ["/whole 504 timeout_total", "/upload 408 timeout_total"])
    }

    @Test func aConnectThatNobodyAnswersHasItsWord() async throws {
        let folder = try AccessLogTests.Folder()
        let full = try FullServer()
        let rig = try log.logging(to: folder, [full.address]) { $0.connectMilliseconds = 200 }
        #expect(rig.get("/nobody")?.status == 504)
        #expect(await Rig.eventually { folder.lines().count == 1 })
        #expect(found(folder) == ["/nobody 504 timeout_connect"])
        let line = log.values(folder.lines()[0])
        #expect(line["server"] == "\(full.address)" && line["attempts"] == "1")
    }

    /// What an earlier exchange of the same client went over does not count.
    @Test func aRefusedConnectBehindAKeptOneHasItsTimes() async throws {
        let folder = try AccessLogTests.Folder()
        let backend = try Backend.echoing("a")
        let rig = try log.logging(to: folder, [backend.address])
        let wire = rig.connect()
        for _ in 0..<2 {
            wire.send("GET /kept HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(wire.readMessage()?.status == 200)
        }
        let dead = try Rig.deadAddress()
        rig.proxy.publish([RoutedServer(address: dead, host: "test")])
        wire.send("GET /dead HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(wire.readMessage()?.status == 502)
        #expect(await Rig.eventually { folder.lines().count == 3 })
        #expect(found(folder).last == "/dead 502 server_refused")
        let line = log.values(folder.lines()[2])
        #expect(line["queue_us"].flatMap { Int($0) } != nil && line["connect_us"] == "-", "\(line)")
    }

    @Test func aServerWhoseTLSFailsHasItsWord() async throws {
        let folder = try AccessLogTests.Folder()
        let certificates = try CertificateFolder()
        let plain = try Backend { _, wire, _ in
            wire.send("220 nobody speaks TLS here\r\n")
            _ = wire.readToEnd()
        }
        let rig = try log.logging(to: folder, [plain.address]) {
            var tls = ServerTLSSettings()
            tls.authority = certificates.certificate("ca")
            $0.serverTLS = tls
        }
        #expect(rig.get("/secret")?.status == 502)
        #expect(await Rig.eventually { folder.lines().count == 1 })
        #expect(found(folder) == ["/secret 502 server_handshake"])
    }

    @Test func aBodyThatDoesNotComeHasItsWord() async throws {
        let folder = try AccessLogTests.Folder()
        let backend = try Backend.echoing()
        let rig = try log.logging(to: folder, [backend.address]) { $0.requestBodyMilliseconds = 200 }
        let wire = rig.connect()
        wire.send("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
        #expect(wire.readMessage()?.status == 408)
        #expect(await Rig.eventually { folder.lines().count == 1 })
        #expect(found(folder) == ["/upload 408 timeout_request_body"])
    }

    @Test func wantOfMemoryHasItsWord() async throws {
        let folder = try AccessLogTests.Folder()
        // Room for some ten heads.
        let rig = try log.logging(to: folder, []) { $0.bufferBytesPerWorker = 200_000 }
        let wires = (0..<20).map { _ in rig.connect() }
        for wire in wires { wire.send("GET / HTTP/1.1\r\nHos") }
        #expect(wires.last?.readMessage()?.status == 503)
        // Of heads that are not whole nothing is said while their clients are there.
        #expect(
            await Rig.eventually {
                let lines = folder.lines()
                return lines.count == Int(rig.proxy.snapshot().listener.turnedAway) && lines.count >= 5
            })
        for line in folder.lines().map(log.values) {
            #expect(line["status"] == "503" && line["end"] == "proxy_limit")
        }
    }

    @Test func anExchangeThatAStopCutsHasItsWord() async throws {
        let folder = try AccessLogTests.Folder()
        let silent = try Backend { backend, wire, _ in
            guard let request = wire.readMessage() else { return }
            backend.note(request)
            _ = wire.readToEnd()
        }
        let rig = try log.logging(to: folder, [silent.address])
        let wire = rig.connect()
        wire.send("GET /underway HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await Rig.eventually { silent.startLines.count == 1 })
        rig.proxy.close()
        #expect(await rig.proxy.drain(until: .now()) == 1)
        #expect(wire.isAtEnd())
        #expect(await Rig.eventually { folder.lines().count == 1 })
        #expect(found(folder) == ["/underway - stopped"])
    }
}
