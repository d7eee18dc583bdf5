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
    /// Answers one request on the server's own thread, where that takes microseconds; nil for all others.
    package typealias QuickHandler = @Sendable (Request) -> Response?

    private struct State {
        var listeners: [(descriptor: Int32, door: Request.Door)] = []
        var mail: [Mail] = []
        /// Answers without an end that are under way.
        var streams: Set<UInt64> = []
        var socketPath: String?
        var stops = false
        /// A successor accepts from now on; what is open is served to its end.
        var leaves = false
        /// While leaving: some connection waits for an answer, or may be about to ask.
        var isBusy = true
        var thread: Thread?
    }

    /// What handlers send to the server's thread.
    private enum Mail {
        case answer(key: UInt64, bytes: [UInt8], closes: Bool)
        case begin(key: UInt64, head: [UInt8])
        case piece(key: UInt64, bytes: [UInt8])
    }

    /// How often `drain` looks, in milliseconds.
    private static let drainPollMilliseconds = 10

    private let name: String
    private let limits: DoorLimits
    private let report: @Sendable (SystemFault) -> Void
    private let quick: QuickHandler
    private let handler: Handler
    private let doorbell: Doorbell
    private let state = Mutex(State())

    /// A server that listens nowhere yet; `name` names its thread. `report` hears, at most once a minute, why no
    /// connection can be accepted (the process is out of descriptors, say). `quick` is asked first.
    package init(
        named name: String, limits: DoorLimits = DoorLimits(),
        report: @escaping @Sendable (SystemFault) -> Void = { _ in },
        quick: @escaping QuickHandler = { _ in nil }, handler: @escaping Handler
    ) throws(SystemFault) {
        self.name = name
        self.limits = limits
        self.report = report
        self.quick = quick
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
            let (mail, stops, leaves) = state.withLock { state in
                defer { state.mail = [] }
                return (state.mail, state.stops, state.leaves)
            }
            if stops { break }
            if leaves, !hasLeft {
                hasLeft = true
                loop.stopAccepting()
                closeListeners()
            }
            let now = Instant.now()
            for letter in mail { deliver(letter, to: &loop, at: now) }
            if hasLeft { loop.closeStreams() }  // they come back to the successor
            for asked in loop.turn(at: now) {
                if let response = quick(asked.request) {
                    let keepsAlive = asked.keepsAlive && !hasLeft
                    let bytes = HTTPServer.bytes(
                        response, isHead: asked.request.method == "HEAD", keepsAlive: keepsAlive)
                    loop.answer(asked.key, bytes, closes: !keepsAlive, at: .now())
                } else {
                    dispatch(asked)
                }
            }
            if !loop.endedStreams.isEmpty {
                state.withLock { $0.streams.subtract(loop.endedStreams) }
                loop.endedStreams = []
            }
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
            let isHead = asked.request.method == "HEAD"
            if let stream = response.stream, !isHead {
                self.state.withLock { state in
                    state.streams.insert(asked.key)
                    state.mail.append(.begin(key: asked.key, head: HTTPServer.streamHead(response)))
                }
                self.doorbell.ring()
                return stream(StreamWriter(key: asked.key, server: self))
            }
            let keepsAlive = asked.keepsAlive && !self.state.withLock { $0.leaves }
            let bytes = HTTPServer.bytes(response, isHead: isHead, keepsAlive: keepsAlive)
            self.state.withLock { $0.mail.append(.answer(key: asked.key, bytes: bytes, closes: !keepsAlive)) }
            self.doorbell.ring()
        }
    }

    private func deliver(_ letter: Mail, to loop: inout HTTPServerLoop, at now: Instant) {
        switch letter {
        case .answer(let key, let bytes, let closes): loop.answer(key, bytes, closes: closes, at: now)
        case .begin(let key, let head):
            // The client may have gone while the handler worked.
            if !loop.beginStream(key, head, at: now) { loop.endedStreams.append(key) }
        case .piece(let key, let bytes): loop.stream(key, bytes, at: now)
        }
    }

    /// Sends a piece of an answer without an end; false once its client is gone.
    func write(_ bytes: [UInt8], to key: UInt64) -> Bool {
        let isOpen = state.withLock { state in
            guard state.streams.contains(key) else { return false }
            state.mail.append(.piece(key: key, bytes: bytes))
            return true
        }
        if isOpen { doorbell.ring() }
        return isOpen
    }
}
