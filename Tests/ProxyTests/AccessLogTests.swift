import Glibc
import HTTP
import Linux
import Synchronization
import Testing

@testable import Proxy

/// The access log, from the requests to the lines in its file.
@Suite(.timeLimit(.minutes(5))) struct AccessLogTests {
    init() { _ = signal(SIGPIPE, SIG_IGN) }

    /// A folder of its own with a log file.
    final class Folder {
        let path: String
        var file: String { path + "/access.log" }

        init() throws {
            var template = Array("/tmp/troop-log-XXXXXX".utf8CString)
            path = try #require(mkdtemp(&template).map { String(cString: $0) })
        }

        deinit {
            for name in ["access.log", "access.log.1"] { _ = unlink("\(path)/\(name)") }
            _ = rmdir(path)
        }

        func lines(_ name: String = "access.log") -> [String] {
            let descriptor = open("\(path)/\(name)", O_RDONLY)
            guard descriptor >= 0 else { return [] }
            defer { _ = close(descriptor) }
            var bytes: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = read(descriptor, &piece, piece.count)
                guard count > 0 else { break }
                bytes += piece.prefix(count)
            }
            let text = String(decoding: bytes, as: UTF8.self)
            return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
        }
    }

    func logging(
        to folder: Folder, _ servers: [SocketAddress], format: AccessLogSettings.Format = .logfmt,
        adjust: (inout ProxySettings) -> Void = { _ in }
    ) throws -> Rig {
        try Rig(servers) {
            var log = AccessLogSettings(.file(folder.file))
            log.format = format
            $0.accessLog = log
            $0.forwarding.requestID = true
            adjust(&$0)
        }
    }

    /// The values of a line in logfmt; quotes are taken off.
    func values(_ line: String) -> [String: String] {
        var found: [String: String] = [:]
        for part in line.split(separator: " ") {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if sides.count == 2 { found[String(sides[0])] = sides[1].filter { $0 != "\"" }.description }
        }
        return found
    }

    @Test func eachExchangeIsOneLine() async throws {
        let folder = try Folder()
        let backend = try Backend.echoing("hello")
        let rig = try logging(to: folder, [backend.address])
        let wire = rig.connect()
        wire.send("GET /a?b=c HTTP/1.1\r\nHost: x.test\r\n\r\n")
        let first = try #require(wire.readMessage())
        wire.send("POST /d HTTP/1.1\r\nHost: x.test\r\nContent-Length: 3\r\n\r\nabc")
        _ = try #require(wire.readMessage())
        #expect(await Rig.eventually { folder.lines().count == 2 })
        let lines = folder.lines().map(values)
        try #require(lines.count == 2)
        #expect(lines[0]["method"] == "GET" && lines[0]["target"] == "/a?b=c")
        #expect(lines[0]["client"] == "127.0.0.1" && lines[0]["version"] == "1.1")
        #expect(lines[0]["status"] == "200" && lines[0]["end"] == "done")
        #expect(lines[0]["server"] == "\(backend.address)" && lines[0]["attempts"] == "1")
        #expect(lines[0]["id"] == first.field("X-Request-Id"))
        #expect(lines[0]["in"] == "37")
        #expect(lines[1]["method"] == "POST" && lines[1]["in"] == "56")
        // The second one went over the connection that the first had made.
        #expect(lines[1]["connect_us"] == "0")
        for line in lines {
            for key in ["head_us", "queue_us", "connect_us", "first_byte_us", "total_us"] {
                #expect(line[key].flatMap { Int($0) } != nil, "\(key)")
            }
            #expect(line["time"]?.count == 27 && line["time"]?.last == "Z")
        }
        let out = try #require(lines[0]["out"].flatMap { Int($0) })
        #expect(out > 5 && out < 400)
    }

    @Test func aBodyThatIsStreamedLeavesItsTarget() async throws {
        let folder = try Folder()
        let backend = try Backend.echoing()
        let rig = try logging(to: folder, [backend.address])
        let body = Rig.pattern(3_000_000)
        let wire = rig.connect()
        wire.send("PUT /big/file HTTP/1.1\r\nHost: x.test\r\nContent-Length: \(body.count)\r\n\r\n")
        wire.send(body)
        #expect(wire.readMessage()?.body == body)
        #expect(await Rig.eventually { folder.lines().count == 1 })
        let line = values(folder.lines()[0])
        #expect(line["method"] == "PUT" && line["target"] == "/big/file" && line["end"] == "done")
        #expect(
            line["in"].flatMap { Int($0) } == 3_000_000
                + "PUT /big/file HTTP/1.1\r\nHost: x.test\r\nContent-Length: 3000000\r\n\r\n".utf8.count)
        #expect((line["out"].flatMap { Int($0) } ?? 0) > 3_000_000)
    }

    @Test func refusalsAndLossesSayWhy() async throws {
        let folder = try Folder()
        let cutting = try Backend { _, wire, _ in
            guard let request = wire.readMessage() else { return }
            if request.path == "/cut" { wire.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc") }
            if request.path == "/bad" { wire.send("HTTP/1.1 200 OK\r\nA : b\r\n\r\n") }
            if request.path == "/silent" { _ = wire.readMessage() }
        }
        let rig = try logging(to: folder, [cutting.address]) {
            $0.firstByteMilliseconds = 200
            $0.clientHeadMilliseconds = 200
        }
        func tell(_ bytes: String) {
            let wire = rig.connect()
            wire.send(bytes)
            _ = wire.readToEnd()
        }
        let tail = " HTTP/1.1\r\nHost: x.test\r\nConnection: close\r\n\r\n"
        tell("POST /cut" + tail)
        tell("POST /bad" + tail)
        tell("POST /lost" + tail)
        tell("POST /silent" + tail)
        tell("GET /folded HTTP/1.1\r\nA: b\r\n c\r\n\r\n")
        tell("GET /slow HTTP/1.1\r\nHos")
        let early = rig.connect()
        early.send("GET /early HTTP/1.1\r\nHos")
        early.finishWriting()
        _ = early.readToEnd()
        rig.proxy.publish([])
        tell("GET /none" + tail)
        #expect(await Rig.eventually { folder.lines().count == 8 })
        let found = folder.lines().map(values).map {
            "\($0["target"] ?? "") \($0["status"] ?? "") \($0["end"] ?? "")"
        }
        #expect(
            found == [
                "/cut 200 server_cut", "/bad 502 server_malformed:space_before_colon",
                "/lost 502 server_closed", "/silent 504 timeout_first_byte",
                "/folded 400 refused:folded_field", "/slow 408 timeout_head", "/early - client_gone",
                "/none 503 no_server",
            ])
    }

    @Test func aDeadServerIsNamed() async throws {
        let folder = try Folder()
        let dead = try Rig.deadAddress()
        let rig = try logging(to: folder, [dead])
        let response = try #require(rig.get("/x"))
        #expect(response.status == 502)
        #expect(await Rig.eventually { folder.lines().count == 1 })
        let line = values(folder.lines()[0])
        #expect(line["server"] == "\(dead)" && line["end"] == "server_refused" && line["attempts"] == "1")
        #expect(line["first_byte_us"] == "-" && line["id"] == response.field("X-Request-Id"))
        #expect(response.text.hasSuffix("\nrequest id: \(line["id"] ?? "")\n"))
    }

    @Test func aClientBehindATrustedProxyIsNamed() async throws {
        let folder = try Folder()
        let backend = try Backend.echoing("x")
        let trust = [try Network("127.0.0.1")]
        let rig = try logging(to: folder, [backend.address]) { $0.forwarding.trust = trust }
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x.test\r\nX-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n\r\n")
        _ = wire.readMessage()
        wire.send("GET / HTTP/1.1\r\nHost: x.test\r\n\r\n")
        _ = wire.readMessage()
        #expect(await Rig.eventually { folder.lines().count == 2 })
        let lines = folder.lines().map(values)
        #expect(lines[0]["client"] == "203.0.113.9" && lines[0]["peer"] == "127.0.0.1")
        #expect(lines[1]["client"] == "127.0.0.1" && lines[1]["peer"] == nil)
    }

    @Test func aRenamedFileIsFollowedByANewOne() async throws {
        let folder = try Folder()
        let backend = try Backend.echoing("x")
        let rig = try logging(to: folder, [backend.address])
        _ = rig.get("/before")
        #expect(await Rig.eventually { folder.lines().count == 1 })
        #expect(rename(folder.file, folder.file + ".1") == 0)
        rig.proxy.reopenLog()
        #expect(await Rig.eventually { access(folder.file, F_OK) == 0 })
        _ = rig.get("/after")
        #expect(await Rig.eventually { folder.lines().count == 1 })
        #expect(folder.lines("access.log.1").count == 1)
        #expect(folder.lines()[0].contains("target=\"/after\""))
    }

    @Test func whatCannotBeWrittenIsDroppedCountedAndToldOnce() async throws {
        let told = Told()
        let backend = try Backend.echoing("x")
        var settings = ProxySettings(
            listen: try SocketAddress("127.0.0.1:0", allowingPortZero: true), workers: 1)
        settings.accessLog = AccessLogSettings(.file("/dev/full"))
        let proxy = try Proxy(settings) { told.note($0) }
        proxy.publish([RoutedServer(address: backend.address, host: "test")])
        try proxy.open()
        let wire = Wire(to: try #require(proxy.address))
        for count in 1...3 {
            wire.send("GET / HTTP/1.1\r\nHost: x.test\r\n\r\n")
            #expect(wire.readMessage()?.text == "x")
            #expect(await Rig.eventually { proxy.snapshot().listener.logLost == UInt64(count) })
        }
        proxy.stop()
        #expect(proxy.snapshot().listener.logLost == 3)
        #expect(told.all.count == 1 && told.all[0].contains("/dev/full"))
    }

    @Test func theLastLinesAreWrittenAtTheEnd() throws {
        let folder = try Folder()
        let backend = try Backend.echoing("x")
        let rig = try logging(to: folder, [backend.address])
        for _ in 0..<20 { _ = rig.get() }
        rig.proxy.stop()
        #expect(folder.lines().count == 20)
        #expect(rig.proxy.snapshot().listener.logDropped == 0)
    }

    final class Told: Sendable {
        private let sentences = Mutex<[String]>([])
        var all: [String] { sentences.withLock { $0 } }
        func note(_ sentence: String) { sentences.withLock { $0.append(sentence) } }
    }

    // MARK: The sink

    @Test func aPipeThatIsFullTearsNoLine() throws {
        let folder = try Folder()
        #expect(mkfifo(folder.file, 0o600) == 0)
        let reader = open(folder.file, O_RDONLY | O_NONBLOCK)
        try #require(reader >= 0)
        defer { _ = close(reader) }
        var sink = LogSink(.file(folder.file))
        let line = Array((String(repeating: "x", count: 996) + "end\n").utf8)
        let batch = [UInt8]((0..<200).flatMap { _ in line })
        func write(_ bytes: [UInt8]) -> Int? {
            bytes.withUnsafeBufferPointer { buffer -> Int? in
                guard let base = buffer.baseAddress else { return nil }
                switch sink.write(base, buffer.count) {
                case .written: return nil
                case .dropped(let first, _): return first
                }
            }
        }
        var got: [UInt8] = []
        func drain() {
            var piece = [UInt8](repeating: 0, count: 65_536)
            while case let count = read(reader, &piece, piece.count), count > 0 { got += piece.prefix(count) }
        }
        let dropped = try #require(write(batch))
        #expect(dropped > 0 && dropped < batch.count && dropped % line.count == 0)
        drain()
        #expect(write(Array("last\n".utf8)) == nil)
        drain()
        let lines = got.split(separator: UInt8(ascii: "\n")).map(Array.init)
        #expect(got.last == UInt8(ascii: "\n") && lines.last == Array("last".utf8))
        #expect(lines.dropLast().allSatisfy { $0 == line.dropLast() })
        #expect(lines.count == dropped / line.count + 1)
    }

    @Test func aPipeNobodyReadsIsNoReasonToWait() throws {
        let folder = try Folder()
        #expect(mkfifo(folder.file, 0o600) == 0)
        var sink = LogSink(.file(folder.file))
        #expect(sink.reopen()?.code == ENXIO)
    }
}
