import Glibc
import Linux
import Synchronization

/// A wire between a client and a server on loopback that a test can cut, in one direction or both, or slow down: the
/// kernel may have no netem, and a test may not be root.
package final class Relay: Sendable {
    /// What becomes of the bytes of one direction.
    package enum Flow: Sendable, Equatable {
        case passing
        /// Held, and passed on when the wire is whole again, as TCP does after a cut.
        case cut
        /// Each piece is held for a random time of up to so many milliseconds.
        case jitter(milliseconds: Int64)
    }

    /// A place in what clients send at which the wire is cut by itself, exactly there.
    package struct Trap: Sendable {
        package enum Side: Sendable {
            /// What was recognised is not passed on.
            case before
            /// It is passed on; the answer to it is not.
            case after
        }

        let pattern: [UInt8]
        let number: Int
        let side: Side

        /// Springs at the piece of this number, counted from 1, that holds `pattern`; 0 only counts.
        package init(_ pattern: String, number: Int = 0, side: Side = .before) {
            self.pattern = Array(pattern.utf8)
            self.number = number
            self.side = side
        }
    }

    private struct State {
        var trap: Trap?
        var seen = 0
        var isSprung = false
        var toServer = Flow.passing
        var toClient = Flow.passing
        var hangsUp = false
        var stops = false
        var thread: Linux.Thread?
    }

    /// The port of 127.0.0.1 that clients connect to.
    package let port: UInt16
    private let target: UInt16
    private let listener: Int32
    private let bell: Doorbell
    private let control = Control()

    /// Starts to relay to a port of 127.0.0.1.
    package init(to target: UInt16) throws {
        self.target = target
        port = try RedisServer.freePort()
        bell = try Doorbell()
        listener = try Relay.listener(port)
        let wires = Wires(listener: listener, target: target, bell: bell.descriptor)
        let thread = try Linux.Thread.start(named: "relay") { [bell, control] in
            var wires = wires
            while let (toServer, toClient, hangsUp) = control.next() {
                if hangsUp { wires.hangUp() }
                wires.turn(toServer, toClient, { control.sees($0) })
                bell.silence()
            }
            wires.hangUp()
        }
        control.state.withLock { $0.thread = thread }
    }

    deinit { stop() }

    /// What the relay's owner and its thread share.
    private final class Control: Sendable {
        let state = Mutex(State())

        func next() -> (Flow, Flow, Bool)? {
            state.withLock { state in
                defer { state.hangsUp = false }
                return state.stops ? nil : (state.toServer, state.toClient, state.hangsUp)
            }
        }

        /// Looks at a piece on its way to the server; which side of it the wire is cut, nil for neither.
        func sees(_ bytes: ArraySlice<UInt8>) -> Trap.Side? {
            state.withLock { state in
                guard let trap = state.trap, bytes.contains(trap.pattern) else { return nil }
                state.seen += 1
                guard state.seen == trap.number else { return nil }
                state.isSprung = true
                (state.toServer, state.toClient) = (.cut, .cut)
                return trap.side
            }
        }
    }

    /// Sets a trap, and counts anew.
    package func set(trap: Trap?) {
        control.state.withLock { state in
            (state.trap, state.seen, state.isSprung) = (trap, 0, false)
        }
    }

    /// Pieces that held the trap's pattern since it was set.
    package var seen: Int { control.state.withLock { $0.seen } }

    /// Whether the trap has cut the wire.
    package var isSprung: Bool { control.state.withLock { $0.isSprung } }

    /// Sets what becomes of the bytes of each direction from now on.
    package func set(toServer: Flow, toClient: Flow) {
        control.state.withLock {
            $0.toServer = toServer
            $0.toClient = toClient
        }
        bell.ring()
    }

    /// Cuts the wire both ways; connections stay open, and new ones get no answer.
    package func cut() { set(toServer: .cut, toClient: .cut) }

    /// Makes the wire whole again.
    package func mend() { set(toServer: .passing, toClient: .passing) }

    /// Ends all connections.
    package func hangUp() {
        control.state.withLock { $0.hangsUp = true }
        bell.ring()
    }

    /// Ends the relay.
    package func stop() {
        let thread = control.state.withLock { state in
            state.stops = true
            defer { state.thread = nil }
            return state.thread
        }
        guard let thread else { return }
        bell.ring()
        thread.join()
        _ = close(listener)
    }

    private static func listener(_ port: UInt16) throws -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_INET, kind, 0)
        var one: Int32 = 1
        _ = setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        let isBound = try SocketAddress("127.0.0.1:\(port)").withSockaddr { bind(descriptor, $0, $1) } == 0
        guard isBound, listen(descriptor, 128) == 0 else {
            _ = close(descriptor)
            throw RedisServer.Fault(description: "relay: \(errno)")
        }
        return descriptor
    }
}

/// The connections of a relay, owned by its thread.
private struct Wires: Sendable {
    private struct Piece {
        let due: Instant
        var bytes: [UInt8]
    }

    private struct Direction: Sendable {
        let from: Int32
        let to: Int32
        var pieces: [Piece] = []
        var hasEnded = false
    }

    private static let turnMilliseconds: Int64 = 50
    private static let pieceBytes = 65_536

    private let listener: Int32
    private let target: UInt16
    private let bell: Int32
    private var pairs: [(up: Direction, down: Direction)] = []

    init(listener: Int32, target: UInt16, bell: Int32) {
        self.listener = listener
        self.target = target
        self.bell = bell
    }

    mutating func hangUp() {
        for pair in pairs {
            _ = close(pair.up.from)
            _ = close(pair.up.to)
        }
        pairs.removeAll()
    }

    mutating func turn(
        _ toServer: Relay.Flow, _ toClient: Relay.Flow, _ trap: (ArraySlice<UInt8>) -> Relay.Trap.Side?
    ) {
        var polls = [pollfd(fd: bell, events: Int16(POLLIN), revents: 0)]
        let isCut = toServer == .cut || toClient == .cut
        polls.append(pollfd(fd: isCut ? -1 : listener, events: Int16(POLLIN), revents: 0))
        for pair in pairs {
            polls.append(pollfd(fd: toServer == .cut ? -1 : pair.up.from, events: Int16(POLLIN), revents: 0))
            polls.append(
                pollfd(fd: toClient == .cut ? -1 : pair.down.from, events: Int16(POLLIN), revents: 0))
        }
        let due = pairs.flatMap { [$0.up.pieces.first?.due, $0.down.pieces.first?.due] }.compactMap { $0 }
            .min()
        let wait = due.map { max(0, min(Wires.turnMilliseconds, $0.milliseconds(since: .now()) + 1)) }
        guard poll(&polls, nfds_t(polls.count), Int32(wait ?? Wires.turnMilliseconds)) >= 0 else { return }
        for index in pairs.indices {
            if polls[2 + 2 * index].revents != 0, Wires.read(&pairs[index].up, toServer, trap) {
                return  // cut at this very piece
            }
            if polls[3 + 2 * index].revents != 0 {
                _ = Wires.read(&pairs[index].down, toClient, { _ in nil })
            }
            if toServer != .cut { Wires.write(&pairs[index].up) }
            if toClient != .cut { Wires.write(&pairs[index].down) }
        }
        let over = pairs.filter(Wires.isOver)
        for pair in over {
            _ = close(pair.up.from)
            _ = close(pair.up.to)
        }
        pairs.removeAll(where: Wires.isOver)
        if polls[1].revents != 0 { admit() }
    }

    private static func isOver(_ pair: (up: Direction, down: Direction)) -> Bool {
        (pair.up.hasEnded && pair.up.pieces.isEmpty) || (pair.down.hasEnded && pair.down.pieces.isEmpty)
    }

    private mutating func admit() {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { return }
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let isOpen =
            (try? SocketAddress("127.0.0.1:\(target)").withSockaddr { connect(server, $0, $1) } == 0) ?? false
        guard isOpen else {
            _ = close(client)
            _ = close(server)
            return
        }
        for descriptor in [client, server] {
            var one: Int32 = 1
            _ = setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
        pairs.append((Direction(from: client, to: server), Direction(from: server, to: client)))
    }

    /// True when the trap has sprung.
    private static func read(
        _ direction: inout Direction, _ flow: Relay.Flow,
        _ trap: (ArraySlice<UInt8>) -> Relay.Trap.Side?
    ) -> Bool {
        var buffer = [UInt8](repeating: 0, count: pieceBytes)
        let count = recv(direction.from, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        if count < 0, errno == EAGAIN || errno == EINTR { return false }
        guard count > 0 else {
            direction.hasEnded = true
            return false
        }
        let side = trap(buffer[..<count])
        if side == .before { return true }
        var due = Instant.now()
        if case .jitter(let milliseconds) = flow {
            due = due.advanced(milliseconds: .random(in: 0...milliseconds))
        }
        // Bytes stay in their order, as on any wire.
        due = max(due, direction.pieces.last?.due ?? due)
        direction.pieces.append(Piece(due: due, bytes: Array(buffer[..<count])))
        guard side == .after else { return false }
        write(&direction)
        return true
    }

    private static func write(_ direction: inout Direction) {
        while let piece = direction.pieces.first, piece.due <= .now() {
            let count = send(
                direction.to, piece.bytes, piece.bytes.count,
                Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            if count < 0 {
                if errno != EAGAIN, errno != EINTR {
                    direction.hasEnded = true
                    direction.pieces.removeAll()
                }
                return
            }
            if count < piece.bytes.count {
                direction.pieces[0].bytes.removeFirst(count)
            } else {
                direction.pieces.removeFirst()
            }
        }
    }
}
