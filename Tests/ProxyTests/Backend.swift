import CLinux
import Glibc
import Linux
import Synchronization

/// A server that does with each connection what its script says, on a thread of its own.
final class Backend: Sendable {
    private struct State {
        var heads: [String] = []
        var connections = 0
    }

    let address: SocketAddress
    private let listener: Int32
    private let state = Mutex(State())

    /// Starts listening, at a free port unless one is named; `script` gets each connection and its number, counted from 1.
    init(
        at place: SocketAddress? = nil, _ script: @escaping @Sendable (Backend, Wire, Int) -> Void
    ) throws {
        let place = try place ?? SocketAddress("127.0.0.1:0", allowingPortZero: true)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        _ = setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        guard place.withSockaddr({ bind(descriptor, $0, $1) }) == 0 else { throw SystemFault("bind") }
        _ = listen(descriptor, 1024)
        listener = descriptor
        address = try Backend.name(of: listener)
        try start(script)
    }

    private func start(_ script: @escaping @Sendable (Backend, Wire, Int) -> Void) throws {
        let thread = try Thread.start(named: "backend") { [self] in
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0 else {
                    _ = close(listener)
                    return
                }
                let number = state.withLock { state in
                    state.connections += 1
                    return state.connections
                }
                let connection = try? Thread.start(named: "backend-\(number)") {
                    script(self, Wire(descriptor: descriptor), number)
                }
                connection?.detach()
            }
        }
        thread.detach()
    }

    private static func name(of descriptor: Int32) throws -> SocketAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let outcome = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard outcome == 0, let address = SocketAddress(storage) else { throw SystemFault("getsockname") }
        return address
    }

    /// Refuses connections from here on; those that are there stay.
    func stopListening() { _ = shutdown(listener, Int32(SHUT_RDWR)) }

    func note(_ message: Wire.Message) {
        state.withLock { $0.heads.append(message.startLine) }
    }

    var startLines: [String] { state.withLock { $0.heads } }
    var connections: Int { state.withLock { $0.connections } }

    /// Answers with its name each time the gate rings.
    static func gated(_ name: String, _ gate: Doorbell) throws -> Backend {
        try Backend { backend, wire, _ in
            while let request = wire.readMessage() {
                backend.note(request)
                _ = gate.wait(milliseconds: 10_000)
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(name.utf8.count)\r\n\r\n\(name)")
            }
        }
    }

    /// Answers every request with its own body, or with `name` when it has none.
    static func echoing(_ name: String = "") throws -> Backend {
        try Backend { backend, wire, _ in
            while let request = wire.readMessage() {
                backend.note(request)
                let body = request.body.isEmpty ? Array(name.utf8) : request.body
                let isHead = request.startLine.hasPrefix("HEAD")
                let head = "HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\nX-Name: \(name)\r\n\r\n"
                guard wire.send(Array(head.utf8) + (isHead ? [] : body)) else { return }
            }
        }
    }

    /// Answers every request with these bytes and keeps the connection open.
    static func answering(_ bytes: String) throws -> Backend {
        try Backend { backend, wire, _ in
            while let request = wire.readMessage() {
                backend.note(request)
                guard wire.send(bytes) else { return }
            }
        }
    }
}
