import HTTP

/// What the kernel last said of a socket; set by edges, cleared by `EAGAIN` and by short reads.
struct Readiness: OptionSet, BitwiseCopyable {
    let rawValue: UInt8

    static let readable = Readiness(rawValue: 1)
    static let writable = Readiness(rawValue: 2)
    /// The peer has sent its last byte: a short read does not mean that nothing follows.
    static let hangup = Readiness(rawValue: 4)
    static let failed = Readiness(rawValue: 8)
    /// Something came, or ended, since a TLS session last looked.
    static let arrived = Readiness(rawValue: 16)
    /// Writing failed, which used up the kernel's word of a reset: the end that is read from here on may be none.
    static let broken = Readiness(rawValue: 32)
}

/// A client's connection, in its slab slot: the order and the widths leave no gaps, for each idle one has it.
struct Client: BitwiseCopyable {
    enum Phase: UInt8, BitwiseCopyable {
        /// Waiting for a request; without a block.
        case idle
        /// Part of a head is here.
        case head
        /// Waiting for a server with room.
        case queued
        /// Waiting for a connection to a server.
        case connecting
        /// A server has the request.
        case exchange
        /// An answer of the proxy's own is on its way.
        case answering
        /// Everything is sent; reading on until the client closes, so that no reset overtakes the last answer.
        case lingering
        /// The TLS handshake is under way.
        case securing
        /// HTTP is over: bytes pass both ways.
        case relaying
        /// Not in use.
        case free
    }

    /// A stretch of a block.
    struct Bytes: BitwiseCopyable {
        var block: BlockPool.Block?
        var start: Int32 = 0
        var end: Int32 = 0

        var count: Int { Int(end - start) }
    }

    var descriptor: Int32
    var generation: UInt32
    /// The counters of the listener that it came by, which outlive it.
    let meters: UnsafeMutablePointer<ListenerMeters>
    var phase = Phase.idle
    var ready = Readiness()
    /// Waits in the worker's list of connections that go on in the same turn.
    var isQueued = false
    /// The answer in `down` ends the connection.
    var closesAfterAnswer = false
    var upstream = Slab<Upstream>.none
    /// From the client: the current request's head (or unsent body) starts at `start`, data ends at `end`.
    var up = Bytes()
    /// The end of the current request's bytes in `up`; what follows is the next request.
    var upMark: Int32 = 0
    /// The end of what the server has been sent of `up`.
    var upSent: Int32 = 0
    /// To the client: bytes not yet sent. While a response head comes in, all of it.
    var down = Bytes()
    /// The rest of a rewritten request head that the server's socket would not take at once.
    var spill = Bytes()
    var parser = RequestParser()
    /// While bytes only pass: who has ended.
    var relayEnds: RelayEnds = []
    /// Whether it was told to go, in the words of the protocol that was switched to.
    var farewell = Farewell.none
    /// The length of `address`.
    var addressLength: UInt8 = 0
    var exchange = Exchange(RequestHead())
    var discarded: Int32 = 0
    /// Bytes of the held interim response that are sent.
    var interimSent: Int32 = 0
    /// Neighbours among the clients that wait for a server with room.
    var queuePrevious = Slab<Client>.none
    var queueNext = Slab<Client>.none
    /// TLS, where it is spoken.
    var session: SecureSession.Pointer?
    /// The server's frames, where that protocol has any that are known.
    var frames = FrameFollower.none
    /// When the drain of the server ends the relaying, whatever passes; before, when the wait for a server with room ends.
    var until = Int64.max
    /// An interim response is on its way that the client has not taken whole, at the front of `down`.
    var holdsInterim = false
    /// Its last bytes were sent as a part of more, which the kernel may hold back for.
    var isCorked = false
    /// Bytes of an empty line that came while it rested (RFC 9112 §2.2): they stand before what comes next.
    var emptyLine: UInt8 = 0
    /// Counted in the crowd, at `crowd`.
    var isCounted = false
    var crowd = ClientCrowd.Places()
    /// When the first byte of the current request came.
    var began: Int64 = 0
    /// The client's numeric address as text, for `X-Forwarded-For`.
    var address = InlineArray<40, UInt8>(repeating: 0)

    init(descriptor: Int32, generation: UInt32, meters: UnsafeMutablePointer<ListenerMeters>) {
        self.descriptor = descriptor
        self.generation = generation
        self.meters = meters
    }
}

/// A connection to a server, in its slab slot.
struct Upstream: BitwiseCopyable {
    enum Phase: UInt8, BitwiseCopyable { case free, connecting, securing, active, relaying, idle }

    var descriptor: Int32
    var generation: UInt32
    var phase = Phase.connecting
    var ready = Readiness()
    /// Requests served before the current one: more than 0 means that the server may have closed meanwhile.
    var served: UInt32 = 0
    var server: Int32
    var client: Int32
    /// Neighbours in the server's list of idle connections.
    var previous = Slab<Upstream>.none
    var next = Slab<Upstream>.none
    /// When its last request was over.
    var parkedAt: Int64 = 0
    var parser = ResponseParser()
    /// TLS, where it is spoken.
    var session: SecureSession.Pointer?

    init(descriptor: Int32, generation: UInt32, server: Int32, client: Int32) {
        self.descriptor = descriptor
        self.generation = generation
        self.server = server
        self.client = client
    }
}
