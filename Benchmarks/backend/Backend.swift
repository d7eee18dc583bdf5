import CLinux
import Glibc
import Linux

/// A keep-alive HTTP/1.1 server that answers every GET with as many bytes as its `size=` says (128 without one) and
/// writes down what it was asked.
///
/// It trusts its peers: the proxies that the benchmark starts itself, on loopback.
final class Backend {
    /// Room for one request head and the beginning of the next.
    static let bufferBytes = 16 * 1024
    /// Connections at once; their descriptors are indices into the table.
    static let descriptorsMax = 4096
    static let backlog: Int32 = 1024
    static let eventsMax = 256
    /// The body of an answer, in bytes.
    static let sizeDefault = 128
    static let sizeMax = 16 * 1024 * 1024

    private let listener: Descriptor
    private let control: Descriptor
    private let poller: Descriptor
    /// Answers by the size of their body.
    private var answers: [Int: UnsafeMutableRawBufferPointer] = [:]
    private var latest: (size: Int, answer: UnsafeMutableRawBufferPointer)
    /// What is left of each connection's answer.
    private var left: [UnsafeRawBufferPointer] = []
    private var ledger = HeadLedger()
    private var buffers: [UnsafeMutableRawBufferPointer?]
    private var filled: [Int]

    /// Opens both listeners: one for the proxies, one on which the benchmark reads the ledger.
    init(listen: SocketAddress, control: SocketAddress) throws(SystemFault) {
        _ = signal(SIGPIPE, SIG_IGN)
        _ = clinux_signal_on_parent_death(SIGKILL)
        listener = try Backend.listen(on: listen)
        self.control = try Backend.listen(on: control)
        poller = Descriptor(owning: epoll_create1(0))
        latest = (Backend.sizeDefault, Backend.makeAnswer(Backend.sizeDefault))
        answers[latest.size] = latest.answer
        left = Array(repeating: UnsafeRawBufferPointer(start: nil, count: 0), count: Backend.descriptorsMax)
        buffers = Array(repeating: nil, count: Backend.descriptorsMax)
        filled = Array(repeating: 0, count: Backend.descriptorsMax)
        try watch(listener.raw)
        try watch(self.control.raw)
    }

    deinit {
        for answer in answers.values { answer.deallocate() }
        for buffer in buffers { buffer?.deallocate() }
    }

    /// Serves until a signal ends the process.
    func run() throws(SystemFault) {
        var events = [epoll_event](repeating: epoll_event(), count: Backend.eventsMax)
        while true {
            let count = epoll_wait(poller.raw, &events, Int32(Backend.eventsMax), -1)
            if count < 0, errno != EINTR { throw SystemFault("epoll_wait") }
            for index in 0..<max(0, Int(count)) {
                let descriptor = Int32(truncatingIfNeeded: clinux_epoll_word(&events[index]))
                switch descriptor {
                case listener.raw: accept()
                case control.raw: answerControl()
                default: serve(descriptor)
                }
            }
        }
    }

    private func accept() {
        while true {
            let descriptor = clinux_accept(listener.raw, nil, nil)
            guard descriptor >= 0 else { return }
            guard Int(descriptor) < Backend.descriptorsMax else {
                _ = close(descriptor)
                continue
            }
            var on: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
            if buffers[Int(descriptor)] == nil {
                buffers[Int(descriptor)] = .allocate(byteCount: Backend.bufferBytes, alignment: 64)
            }
            filled[Int(descriptor)] = 0
            left[Int(descriptor)] = UnsafeRawBufferPointer(start: nil, count: 0)
            ledger.accepted += 1
            if clinux_epoll_control(
                poller.raw, EPOLL_CTL_ADD, descriptor, EPOLLIN.rawValue, UInt64(descriptor)) != 0
            {
                _ = close(descriptor)
            }
        }
    }

    private func serve(_ descriptor: Int32) {
        guard let buffer = buffers[Int(descriptor)], let base = buffer.baseAddress else { return }
        if !left[Int(descriptor)].isEmpty, !push(descriptor) { return }
        let before = filled[Int(descriptor)]
        let got = recv(descriptor, base + before, Backend.bufferBytes - before, 0)
        if got < 0, errno == EAGAIN || errno == EINTR { return }
        guard got > 0 else {
            _ = close(descriptor)
            return
        }
        let end = before + got
        var start = 0
        var keep = true
        while keep, let next = headEnd(in: UnsafeRawBufferPointer(rebasing: buffer[start..<end])) {
            keep = reply(to: UnsafeRawBufferPointer(rebasing: buffer[start..<start + next]), on: descriptor)
            start += next
        }
        if start > 0, start < end { memmove(base, base + start, end - start) }
        filled[Int(descriptor)] = end - start
        if !keep || end - start == Backend.bufferBytes { _ = close(descriptor) }
    }

    /// Answers one request; false when the connection is to be closed.
    private func reply(to head: UnsafeRawBufferPointer, on descriptor: Int32) -> Bool {
        // With another method a body could follow; the load sends none.
        guard head.starts(with: "GET ".utf8) else { return false }
        ledger.record(head)
        let answer = answer(to: head)
        let sent = send(descriptor, answer.baseAddress, answer.count, 0)
        if sent == answer.count { return true }
        // The load waits for each answer before it asks again, so nothing else is due on this connection.
        guard sent >= 0 || errno == EAGAIN else { return false }
        left[Int(descriptor)] = UnsafeRawBufferPointer(rebasing: answer[max(0, sent)...])
        return watch(descriptor, EPOLLOUT.rawValue)
    }

    /// Goes on with an answer; true when it is all gone and the connection may be read again.
    private func push(_ descriptor: Int32) -> Bool {
        let rest = left[Int(descriptor)]
        let sent = send(descriptor, rest.baseAddress, rest.count, 0)
        if sent < 0, errno == EAGAIN { return false }
        guard sent > 0 else {
            left[Int(descriptor)] = UnsafeRawBufferPointer(start: nil, count: 0)
            _ = close(descriptor)
            return false
        }
        left[Int(descriptor)] = UnsafeRawBufferPointer(rebasing: rest[sent...])
        return sent == rest.count && watch(descriptor, EPOLLIN.rawValue)
    }

    private func watch(_ descriptor: Int32, _ interest: UInt32) -> Bool {
        clinux_epoll_control(poller.raw, EPOLL_CTL_MOD, descriptor, interest, UInt64(descriptor)) == 0
    }

    /// The answer of the size that a request line asks for.
    private func answer(to head: UnsafeRawBufferPointer) -> UnsafeMutableRawBufferPointer {
        let size = Backend.size(in: head)
        if size == latest.size { return latest.answer }
        let answer = answers[size] ?? Backend.makeAnswer(size)
        answers[size] = answer
        latest = (size, answer)
        return answer
    }

    /// The number behind the first `=`, which is the target's.
    private static func size(in head: UnsafeRawBufferPointer) -> Int {
        var size = 0
        var reads = false
        for byte in head.prefix(64) {
            if reads, byte &- 48 < 10 {
                size = min(size * 10 + Int(byte &- 48), sizeMax)
            } else if reads || byte == UInt8(ascii: "\r") {
                break
            } else if byte == UInt8(ascii: "=") {
                reads = true
            }
        }
        return reads ? max(1, size) : sizeDefault
    }

    /// The number of bytes up to and including the first empty line; nil when there is none yet.
    private func headEnd(in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        var line = 0
        while let feed = memchr(base + line, 0x0a, bytes.count - line) {
            let next = UnsafeRawPointer(feed) - base + 1
            if next - line == 2, bytes[line] == 0x0d { return next }
            line = next
        }
        return nil
    }

    /// One command a connection, answered at once: `report` or `reset`.
    private func answerControl() {
        let descriptor = clinux_accept(control.raw, nil, nil)
        guard descriptor >= 0 else { return }
        defer { _ = close(descriptor) }
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, 1000) == 1 else { return }
        var command = [UInt8](repeating: 0, count: 16)
        let got = recv(descriptor, &command, command.count, 0)
        guard got > 0 else { return }
        let report = ledger.report()
        if command.prefix(got).starts(with: "reset".utf8) { ledger.reset() }
        _ = fcntl(descriptor, F_SETFL, 0)  // blocking: the whole report goes out before the close
        var sent = 0
        while sent < report.count {
            let count = report.withUnsafeBytes { bytes in
                bytes.baseAddress.map { send(descriptor, $0 + sent, report.count - sent, 0) } ?? -1
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    private func watch(_ descriptor: Int32) throws(SystemFault) {
        guard
            clinux_epoll_control(
                poller.raw, EPOLL_CTL_ADD, descriptor, EPOLLIN.rawValue, UInt64(descriptor)) == 0
        else { throw SystemFault("epoll_ctl") }
    }

    private static func listen(on address: SocketAddress) throws(SystemFault) -> Descriptor {
        let listener = Descriptor(
            owning: socket(address.family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0))
        guard listener.raw >= 0 else { throw SystemFault("socket") }
        var on: Int32 = 1
        setsockopt(listener.raw, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        guard address.withSockaddr({ bind(listener.raw, $0, $1) }) == 0 else {
            throw SystemFault("bind", on: address.description)
        }
        guard Glibc.listen(listener.raw, backlog) == 0 else {
            throw SystemFault("listen", on: address.description)
        }
        return listener
    }

    private static func makeAnswer(_ size: Int) -> UnsafeMutableRawBufferPointer {
        let body = [UInt8](repeating: UInt8(ascii: "x"), count: size - 1) + [UInt8(ascii: "\n")]
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(body.count)\r\n\r\n"
        let bytes = Array(head.utf8) + body
        let answer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
        answer.copyBytes(from: bytes)
        return answer
    }
}
