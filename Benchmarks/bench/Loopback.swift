import CLinux
import Glibc
import Linux

/// Plain TCP on 127.0.0.1, with a time limit on every step.
enum Loopback {
    static let stepSeconds = 2
    static let answerBytesMax = 1024 * 1024

    /// A port that nobody listens on right now.
    static func freePort() throws(BenchFault) -> UInt16 {
        do {
            let probe = Descriptor(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
            let any = try SocketAddress("127.0.0.1:0", allowingPortZero: true)
            guard any.withSockaddr({ bind(probe.raw, $0, $1) }) == 0 else { throw SystemFault("bind") }
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let code = withUnsafeMutablePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(probe.raw, $0, &length) }
            }
            guard code == 0, let address = SocketAddress(storage) else { throw SystemFault("getsockname") }
            return address.port
        } catch {
            throw BenchFault("no free port: \(error)")
        }
    }

    /// Sends `text` and returns all that comes back before the other side closes, or the first `enough` bytes; nil on
    /// any error.
    static func exchange(_ text: String, port: UInt16, enough: Int = .max) -> [UInt8]? {
        let link = Descriptor(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0))
        guard link.raw >= 0, let address = try? SocketAddress(host: "127.0.0.1", port: port) else {
            return nil
        }
        var limit = timeval(tv_sec: stepSeconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(link.raw, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(link.raw, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        guard address.withSockaddr({ connect(link.raw, $0, $1) }) == 0 else { return nil }
        let request = Array(text.utf8)
        guard send(link.raw, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return nil }
        var answer: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 * 1024)
        while answer.count < answerBytesMax {
            let count = recv(link.raw, &piece, piece.count, 0)
            if count == 0 { return answer }
            guard count > 0 else { return nil }
            answer += piece.prefix(count)
            if answer.count >= enough { return answer }
        }
        return nil
    }

    /// The status of a GET on a connection of its own; nil when there is no HTTP answer.
    static func status(of target: String, port: UInt16) -> Int? {
        let request = "GET \(target) HTTP/1.1\r\nHost: bench.test\r\nConnection: close\r\n\r\n"
        guard let answer = exchange(request, port: port, enough: 12) else { return nil }
        let words = String(decoding: answer.prefix(64), as: UTF8.self).split(separator: " ")
        guard words.count > 1, words[0].hasPrefix("HTTP/1.") else { return nil }
        return Int(words[1].prefix(3))
    }

    /// Waits until `isReady` is true; false when the time is up.
    static func wait(seconds: Int, until isReady: () throws(BenchFault) -> Bool) throws(BenchFault) -> Bool {
        let deadline = Instant.now().advanced(milliseconds: Int64(seconds) * 1000)
        while Instant.now() < deadline {
            if try isReady() { return true }
            usleep(20_000)
        }
        return false
    }
}
