import CLinux
import Glibc
import HTTP
package import Linux
import Synchronization

/// A small HTTP/1.1 server on one thread: the agent's API and the sample application.
///
/// Requests are parsed by the proxy's own strict parser; handlers run as tasks, and their answers come back to
/// the thread through a mailbox. It is made for few clients and small messages: the proxy's workers are not here.
package final class HTTPServer: Sendable {
    /// Answers one request.
    package typealias Handler = @Sendable (Request) async -> Response

    private struct State {
        var listeners: [(descriptor: Int32, door: Request.Door)] = []
        var answers: [(key: UInt64, bytes: [UInt8], closes: Bool)] = []
        var socketPath: String?
        var stops = false
        /// A successor accepts from now on; what is open is served to its end.
        var leaves = false
        /// While leaving: some connection waits for an answer, or may be about to ask.
        var isBusy = true
        var thread: Thread?
    }

    /// How often `drain` looks, in milliseconds.
    private static let drainPollMilliseconds = 10

    private let name: String
    private let limits: DoorLimits
    private let report: @Sendable (SystemFault) -> Void
    private let handler: Handler
    private let doorbell: Doorbell
    private let state = Mutex(State())

    /// A server that listens nowhere yet; `name` names its thread. `report` hears, at most once a minute, why no
    /// connection can be accepted (the process is out of descriptors, say).
    package init(
        named name: String, limits: DoorLimits = DoorLimits(),
        report: @escaping @Sendable (SystemFault) -> Void = { _ in }, handler: @escaping Handler
    ) throws(SystemFault) {
        self.name = name
        self.limits = limits
        self.report = report
        self.handler = handler
        doorbell = try Doorbell()
    }

    deinit {
        state.withLock { state in
            for listener in state.listeners { _ = Glibc.close(listener.descriptor) }
        }
    }

    /// Listens on a TCP address; call before `start`.
    package func listen(tcp address: SocketAddress) throws(SystemFault) {
        let descriptor = try Listening.tcp(address)
        state.withLock { $0.listeners.append((descriptor, .tcp)) }
    }

    /// Listens on a unix socket with mode 0660, in place of one that a dead process left; call before `start`.
    package func listen(socket path: String) throws(SystemFault) {
        let descriptor = try Listening.unix(path)
        state.withLock { state in
            state.listeners.append((descriptor, .socket))
            state.socketPath = path
        }
    }

    /// Takes over a listening TCP socket; call before `start`.
    package func adopt(tcp descriptor: Int32) {
        state.withLock { $0.listeners.append((descriptor, .tcp)) }
    }

    /// Takes over a listening unix socket and its file; call before `start`.
    package func adopt(socket descriptor: Int32, path: String) {
        state.withLock { state in
            state.listeners.append((descriptor, .socket))
            state.socketPath = path
        }
    }

    /// Copies of the sockets that listen at a door, closed at exec; the caller closes them.
    package func copyListeners(of door: Request.Door) -> [Int32] {
        state.withLock { state in
            state.listeners.filter { $0.door == door }.map { fcntl($0.descriptor, F_DUPFD_CLOEXEC, 3) }
        }.filter { $0 >= 0 }
    }

    /// Lets the listening sockets and the socket's file go, which another process has taken over; each answer from
    /// here on ends its connection.
    package func release() {
        state.withLock { state in
            state.leaves = true
            state.socketPath = nil
        }
        doorbell.ring()
    }

    /// After `release`: waits until nobody is owed an answer, at most until the deadline.
    package func drain(until deadline: Instant) async {
        while state.withLock({ $0.isBusy }), Instant.now() < deadline {
            try? await Task.sleep(for: .milliseconds(HTTPServer.drainPollMilliseconds))
        }
    }

    /// Starts the server's thread.
    package func start() throws(SystemFault) {
        let listeners = state.withLock { $0.listeners.map { ($0.descriptor, $0.door) } }
        let loop = try HTTPServerLoop(
            doorbell: doorbell.descriptor, listeners: listeners, limits: limits)
        let thread = try Thread.start(named: name) { [self] in run(loop) }
        state.withLock { $0.thread = thread }
    }

    /// Closes listeners and connections, ends the thread and removes the socket's file.
    package func stop() {
        let (thread, path) = state.withLock { state in
            defer { state.thread = nil }
            state.stops = true
            return (state.thread, state.socketPath)
        }
        guard let thread else { return }
        doorbell.ring()
        thread.join()
        if let path { _ = unlink(path) }
    }

    private func run(_ loop: HTTPServerLoop) {
        var loop = loop
        var hasLeft = false
        while true {
            let (answers, stops, leaves) = state.withLock { state in
                defer { state.answers = [] }
                return (state.answers, state.stops, state.leaves)
            }
            if stops { break }
            if leaves, !hasLeft {
                hasLeft = true
                loop.stopAccepting()
                closeListeners()
            }
            let now = Instant.now()
            for answer in answers { loop.answer(answer.key, answer.bytes, closes: answer.closes, at: now) }
            for asked in loop.turn(at: now) { dispatch(asked) }
            if hasLeft { state.withLock { $0.isBusy = loop.isBusy } }
            if let fault = loop.fault {
                loop.fault = nil
                report(fault)
            }
        }
        loop.closeAll()
        closeListeners()
    }

    private func closeListeners() {
        state.withLock { state in
            for listener in state.listeners { _ = Glibc.close(listener.descriptor) }
            state.listeners = []
        }
    }

    private func dispatch(_ asked: HTTPServerLoop.Asked) {
        Task { [handler] in
            let response = await handler(asked.request)
            let keepsAlive = asked.keepsAlive && !self.state.withLock { $0.leaves }
            let bytes = HTTPServer.bytes(
                response, isHead: asked.request.method == "HEAD", keepsAlive: keepsAlive)
            self.state.withLock { $0.answers.append((asked.key, bytes, !keepsAlive)) }
            self.doorbell.ring()
        }
    }

    /// An answer as it goes out.
    static func bytes(_ response: Response, isHead: Bool, keepsAlive: Bool) -> [UInt8] {
        var head = "HTTP/1.1 \(response.status) \(reason(response.status))\r\n"
        if response.status != 304 {  // it has no content, and says nothing of the content there would be
            head += "Content-Type: \(response.contentType)\r\nContent-Length: \(response.body.count)\r\n"
        }
        head += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
        for (name, value) in response.fields { head += "\(name): \(value)\r\n" }
        head += keepsAlive ? "\r\n" : "Connection: close\r\n\r\n"
        return Array(head.utf8) + (isHead ? [] : response.body)
    }

    /// The reason phrase of a status this server sends.
    static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 417: "Expectation Failed"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: "Status"
        }
    }
}
