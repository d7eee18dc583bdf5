import Glibc
import HTTP

/// What is remembered of a client's exchange for its log line, its id and its error page; one for each of a
/// worker's places for clients.
struct Trail: BitwiseCopyable {
    /// When the request's first byte came; 0 while there is none.
    var began: Int64 = 0
    var headDone: Int64 = 0
    /// When the server of the last attempt was chosen.
    var chosen: Int64 = 0
    var firstByte: Int64 = 0
    var bytesIn: UInt64 = 0
    var bytesOut: UInt64 = 0
    /// The slot of the last attempt's server, or -1.
    var server: Int32 = -1
    var end = EndReason.none
    /// The raw value of the `MessageFault` that goes with `end`.
    var fault: UInt8 = 0
    /// The last attempt went over a connection that had served before.
    var reused = false
    /// The status of an answer of the proxy's own, or 101; 0 for none.
    var answered: UInt16 = 0
    /// What was kept of method and target before their bytes were overwritten.
    var keptMethod: UInt8 = 0
    var keptTarget: UInt16 = 0
    var keptWhole = true
    var id = RequestID()

    // What follows belongs to the connection.

    /// The peer is a proxy whose word counts.
    var isTrusted = false

    /// The length of `Lore.real`; 0 where the client is the peer.
    var realLength: UInt8 = 0
    /// The length of `Lore.trace`; 0 where no trace is started.
    var traceLength: UInt8 = 0

    /// What few exchanges need, apart: memory that nobody touches costs nothing.
    struct Lore: BitwiseCopyable {
        /// The client's address as a trusted proxy told it.
        var real = InlineArray<46, UInt8>(repeating: 0)
        var trace = InlineArray<72, UInt8>(repeating: 0)
    }

    /// A connection's trail.
    init(isTrusted: Bool) { self.isTrusted = isTrusted }

    /// Forgets the last exchange.
    @inline(__always)
    mutating func begin(at now: Int64) {
        began = now
        headDone = 0
        chosen = 0
        firstByte = 0
        bytesIn = 0
        bytesOut = 0
        server = -1
        end = .none
        fault = 0
        answered = 0
        keptMethod = 0
        keptTarget = 0
        keptWhole = true
        if isTrusted { realLength = 0 }
        id.forget()
    }

    /// Forgets the last exchange where nothing is logged.
    @inline(__always)
    mutating func begin() { id.forget() }
}

/// A worker's trails and what they are written with: plain memory.
struct Trails: BitwiseCopyable {
    private static let keptBytes = LogRecord.methodBytesMax + LogRecord.targetBytesMax

    let base: UnsafeMutablePointer<Trail>
    let lore: UnsafeMutablePointer<Trail.Lore>
    private let kept: UnsafeMutablePointer<UInt8>
    let options: ForwardingOptions
    let trusted: TrustedNetworks
    let via: ViaLine
    /// Ids or traces are made for every request.
    let marks: Bool
    let isLogging: Bool
    var writer: LogWriter
    var randomness = Randomness()

    init(_ settings: ForwardingSettings, log: LogWriter?, capacity: Int) {
        // Zeroed pages are taken only when they are written: memory follows the connections there are.
        base = ZeroedMemory.allocate(capacity)
        lore = ZeroedMemory.allocate(capacity)
        isLogging = log != nil
        kept = ZeroedMemory.allocate(log == nil ? 1 : capacity * Trails.keptBytes)
        options = ForwardingOptions(settings)
        trusted = TrustedNetworks(settings.trust)
        via = ViaLine(settings.via)
        marks = settings.requestID || settings.startsTraces
        // Without a log the writer is never used: any memory will do.
        writer = log ?? LogWriter(LogRing(bytes: 0), bell: -1)
    }

    func deallocate() {
        free(base)
        free(lore)
        free(kept)
        trusted.deallocate()
        via.deallocate()
    }

    /// Where the method and target of a client's exchange are kept: first the one, then the other.
    func keeping(_ index: Int32) -> UnsafeMutablePointer<UInt8> { kept + Int(index) * Trails.keptBytes }
}
