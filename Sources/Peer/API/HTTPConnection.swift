import HTTP
import Linux

/// One connection of an `HTTPServer`: what has come, what is to go, and until when.
///
/// `Sendable` unchecked: only a loop has connections, in its table, and only the thread that the loop was moved to before
/// its first connection runs it.
final class HTTPConnection: @unchecked Sendable {
    /// Where the connection stands in its exchange.
    enum Phase: Equatable {
        /// Between requests: nothing of the next one has come.
        case idle
        case head
        case body
        /// A handler works on the answer.
        case handling
        case writing(closes: Bool)
        /// An answer without an end is sent, piece by piece.
        case streaming
        /// The last answer is sent and our side shut down; what still comes is thrown away.
        case lingering
    }

    /// The number of the listener it came in by.
    let listener: Int
    /// Who is at the other end of a TCP connection.
    let client: SocketAddress?
    private(set) var phase = Phase.head
    /// When the request under way, or the pause, began; while an answer is sent, when some of it went out last.
    private(set) var since: Instant
    /// When the connection has had its time; nil while a handler works.
    private(set) var deadline: Instant?
    var input: [UInt8] = []
    var output: [UInt8] = []
    var written = 0
    /// Pieces of an answer without an end that wait to be sent; all readers share their memory. `written` counts in the
    /// first.
    var chunks: [[UInt8]] = []
    var peerHasEnded = false
    var continueSent = false
    /// Bytes thrown away while lingering.
    var drained = 0
    /// What epoll was told to look for.
    var watched: UInt32

    private let limits: DoorLimits

    init(
        listener: Int, client: SocketAddress? = nil, limits: DoorLimits, watched: UInt32, at now: Instant
    ) {
        self.listener = listener
        self.client = client
        self.limits = limits
        self.watched = watched
        since = now
        deadline = now.advanced(milliseconds: limits.headMilliseconds)
    }

    /// Goes on to another phase, with that phase's time.
    func enter(_ next: Phase, at now: Instant) {
        phase = next
        switch next {
        case .idle: restart(now, limits.idleMilliseconds)
        case .head: restart(now, limits.headMilliseconds)
        case .body: deadline = since.advanced(milliseconds: limits.bodyMilliseconds)
        case .handling: deadline = nil
        // Nothing is owed between two pieces; while some wait, the client must take them.
        case .streaming: if chunks.isEmpty { deadline = nil } else { restart(now, limits.stallMilliseconds) }
        case .writing: restart(now, limits.stallMilliseconds)
        case .lingering: restart(now, limits.lingerMilliseconds)
        }
    }

    private func restart(_ now: Instant, _ milliseconds: Int64) {
        since = now
        deadline = now.advanced(milliseconds: milliseconds)
    }

    /// True while a whole request has not come, or nothing is left to do: closing it costs nobody an answer.
    var hasNoRequest: Bool {
        switch phase {
        case .idle, .head, .body, .lingering: true
        case .handling, .writing, .streaming: false
        }
    }

    /// True when the client has left an answer unread for so long that it may lose its place to another.
    func isStalled(at now: Instant) -> Bool {
        guard case .writing = phase else { return false }
        return now.milliseconds(since: since) >= limits.lingerMilliseconds
    }

    /// True when part of a request has come: its client is told that its time is up.
    var hasBegun: Bool {
        switch phase {
        case .head, .body: !input.isEmpty
        case .idle, .handling, .writing, .streaming, .lingering: false
        }
    }
}
