import Glibc
package import Linux
import Synchronization

/// A server that keeps every byte it is sent and answers what looks like a request; more lenient than any real one,
/// so that nothing a proxy lets through is overlooked.
package final class Recorder: Sendable {
    private struct State {
        var connections: [[UInt8]] = []
        var requests = 0
        var response: [UInt8]?
        var inPieces = false
        var closes = false
        var turn = 0
    }

    /// The answer to requests when a case names none.
    static let plainAnswer = Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8)
    /// The answer to a probe, which is no part of the case.
    static let probeAnswer = Array("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nprobe-ok".utf8)
    /// How often a connection looks whether its case is over, in milliseconds.
    private static let lookMilliseconds: Int32 = 20

    package let address: SocketAddress
    private let listener: Int32
    private let state = Mutex(State())

    /// Listens on a free port.
    package init() throws(SystemFault) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemFault("socket") }
        var any = sockaddr_in()
        any.sin_family = sa_family_t(AF_INET)
        any.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let bound = withUnsafePointer(to: &any) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard bound == 0, listen(descriptor, 1024) == 0 else { throw SystemFault("bind") }
        let named = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard named == 0, let address = SocketAddress(storage) else { throw SystemFault("getsockname") }
        self.address = address
        listener = descriptor
        let thread = try Thread.start(named: "recorder") { [self] in acceptAll() }
        thread.detach()
    }

    /// Takes no more connections.
    package func stop() { _ = shutdown(listener, Int32(SHUT_RDWR)) }

    /// Forgets what was recorded; connections of earlier cases end.
    func begin(_ response: [UInt8]?, inPieces: Bool, closes: Bool) {
        state.withLock { state in
            state = State(response: response, inPieces: inPieces, closes: closes, turn: state.turn + 1)
        }
    }

    /// Ends all connections and waits until they are gone: for proxies that serve several cases.
    package func rest() {
        begin(nil, inPieces: false, closes: false)
        usleep(UInt32(2 * Recorder.lookMilliseconds) * 1000)
    }

    /// The bytes of all connections since `begin`, probes left out, and how many requests they looked like.
    var record: (bytes: [UInt8], requests: Int) {
        state.withLock { (Array($0.connections.joined()), $0.requests) }
    }

    /// Connections since `begin`.
    var connections: Int { state.withLock { $0.connections.count } }

    private func acceptAll() {
        while true {
            let descriptor = accept(listener, nil, nil)
            guard descriptor >= 0 else {
                _ = close(listener)
                return
            }
            let (turn, number) = state.withLock { state -> (Int, Int) in
                state.connections.append([])
                return (state.turn, state.connections.count - 1)
            }
            let thread = try? Thread.start(named: "recorder-\(number)") { [self] in
                serve(Line(descriptor: descriptor), turn, number)
            }
            thread?.detach()
        }
    }

    private func serve(_ line: Line, _ turn: Int, _ number: Int) {
        var pending: [UInt8] = []
        while state.withLock({ $0.turn == turn }) {
            switch line.read(milliseconds: Recorder.lookMilliseconds) {
            case .nothing: continue
            case .end: return
            case .bytes(let bytes):
                pending += bytes
                note(bytes, turn, number)
            }
            while let end = Loose.endOfRequest(pending) {
                let request = pending.prefix(end)
                let isProbe = Loose.contains(request, "/probe ")
                let isHead = request.starts(with: Array("HEAD".utf8))
                pending.removeFirst(end)
                if isProbe { forget(end, pending.count, turn, number) }
                guard answer(line, isProbe, isHead, turn) else { return }
            }
        }
    }

    private func note(_ bytes: [UInt8], _ turn: Int, _ number: Int) {
        state.withLock { if $0.turn == turn { $0.connections[number] += bytes } }
    }

    private func forget(_ count: Int, _ behind: Int, _ turn: Int, _ number: Int) {
        state.withLock { state in
            guard state.turn == turn else { return }
            let end = state.connections[number].count - behind
            state.connections[number].removeSubrange((end - count)..<end)
        }
    }

    /// False when the connection ends.
    private func answer(_ line: Line, _ isProbe: Bool, _ isHead: Bool, _ turn: Int) -> Bool {
        if isProbe { return line.send(Recorder.probeAnswer) }
        let (response, inPieces, closes) = state.withLock { state -> ([UInt8]?, Bool, Bool) in
            if state.turn == turn { state.requests += 1 }
            return (state.response, state.inPieces, state.closes)
        }
        let plain = isHead ? Array(Recorder.plainAnswer.dropLast(2)) : Recorder.plainAnswer
        let bytes = response ?? plain
        if inPieces {
            for byte in bytes { guard line.send([byte]) else { return false } }
        } else {
            guard line.send(bytes) else { return false }
        }
        return !closes
    }
}
