import Fixtures
import Glibc
import Linux
import Synchronization

/// An HTTP server that answers each request with the next status, and keeps what it was sent.
final class Receiver: Sendable {
    struct Request: Sendable {
        var head: String
        var body: String

        func header(_ name: String) -> String? {
            head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
                .map { String($0.dropFirst(name.utf8.count + 1).drop { $0 == " " }) }
        }
    }

    let port: UInt16
    private let listener: Int32
    private let kept = Record<Request>()

    var requests: [Request] { kept.all }

    init(answers: [Int]) throws {
        port = try RedisServer.freePort()
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let address = try SocketAddress(host: "127.0.0.1", port: port)
        var one: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        guard address.withSockaddr({ bind(listener, $0, $1) }) == 0, listen(listener, 8) == 0 else {
            throw RedisServer.Fault(description: "listen: \(errno)")
        }
        let thread = try Thread.start(named: "receiver") { [listener, kept] in
            for status in answers {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                if let request = Receiver.read(client) { kept.add(request) }
                let text = "HTTP/1.1 \(status) -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                _ = send(client, text, text.utf8.count, Int32(MSG_NOSIGNAL))
                _ = close(client)
            }
        }
        thread.detach()
    }

    deinit {
        _ = shutdown(listener, Int32(SHUT_RDWR))
        _ = close(listener)
    }

    private static func read(_ client: Int32) -> Request? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(client, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            bytes += buffer[..<count]
            let text = String(decoding: bytes, as: UTF8.self)
            guard let end = text.firstRange(of: "\r\n\r\n") else { continue }
            let head = String(text[..<end.lowerBound])
            let request = Request(head: head, body: String(text[end.upperBound...]))
            let length = request.header("Content-Length").flatMap(Int.init) ?? 0
            if request.body.utf8.count >= length { return request }
        }
    }
}
