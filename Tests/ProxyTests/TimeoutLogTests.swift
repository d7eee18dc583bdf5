import Glibc
import Linux
import Proxy
import Testing

/// What the access log says of a response whose time was up: whose fault it was.
@Suite(.timeLimit(.minutes(2))) struct TimeoutLogTests {
    private func lines(of path: String) -> [String] {
        guard let file = fopen(path, "re") else { return [] }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n").map { String($0) }
    }

    @Test(arguments: [("/stalls", "timeout_response_body"), ("/flows", "timeout_client_read")])
    func theSideThatStoodStillIsNamed(path: String, reason: String) async throws {
        var template = Array("/tmp/troop-log-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let file = folder + "/access.log"
        defer {
            _ = unlink(file)
            _ = rmdir(folder)
        }
        let body = Rig.pattern(20_000_000)
        let backend = try Backend { _, wire, _ in
            guard let request = wire.readMessage() else { return }
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
            wire.send(request.path == "/stalls" ? Array(body.prefix(3)) : body)
            _ = wire.readToEnd()
        }
        let rig = try Rig([backend.address]) {
            $0.accessLog = AccessLogSettings(.file(file))
            $0.responseBodyMilliseconds = 200
        }
        let wire = rig.connect()
        wire.send("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await Rig.eventually { lines(of: file).count == 1 })
        let line = try #require(lines(of: file).first)
        #expect(line.contains(" status=200 ") && line.contains(" end=\(reason)"), "\(line)")
        wire.close()
        rig.proxy.stop()
    }
}
