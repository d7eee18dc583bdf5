import Glibc
import HTTP

/// What went wrong with a server before it answered.
enum ServerLoss: Equatable {
    case connectFailed(code: Int32)
    /// No connection could be tried: the proxy's own host has no port or memory left for it.
    case connectImpossible(code: Int32)
    case connectTimeout
    /// TLS could not be begun; libssl's verdict on the certificate, 0 when that was not the reason.
    case handshakeFailed(verdict: Int32)
    /// The connection ended before the first byte of a response.
    case closed
    /// No first byte in time.
    case silent
    /// The response's head is malformed.
    case malformed(MessageFault)
    /// The response ended or failed after its first byte.
    case brokenOff

    /// What a failed connect means.
    init(connect code: Int32) {
        self =
            switch code {
            case EADDRNOTAVAIL, EAGAIN, ENOBUFS, ENOMEM, ENOSPC: .connectImpossible(code: code)
            case _: .connectFailed(code: code)
            }
    }

    /// It is no fault of the server's.
    var isOwn: Bool {
        if case .connectImpossible = self { return true }
        return false
    }

    /// What a client is answered.
    var status: Int {
        switch self {
        case .connectImpossible: 503
        case .connectTimeout, .silent: 504
        case .connectFailed, .handshakeFailed, .closed, .malformed, .brokenOff: 502
        }
    }
}

/// One request and its response: what has passed, what may be repeated, how it ends.
///
/// A value without I/O; the worker reports events and obeys the answers. The hot path keeps it in the client's
/// slab slot and every method is small enough to be inlined, so being pure costs nothing there.
struct Exchange: BitwiseCopyable {
    /// What to do after a loss.
    enum Recovery: Equatable {
        case tryAnotherServer
        case tryFreshConnection
        /// Answer the client with this status.
        case answer(Int)
        /// The response has begun: nothing can be said any more.
        case cut
    }

    /// What to do with a response's head.
    enum Plan: Equatable {
        /// Pass an interim response on and wait for the next head.
        case passInterim
        /// Drop an interim response that the client cannot understand.
        case dropInterim
        case pass
        /// The server agrees to the upgrade that the request asked for.
        case switchProtocols
        case refuse(MessageFault)
    }

    /// Interim responses that one request may get.
    private static let interimMax = 32

    let method: Method
    let minorVersion: UInt8
    private(set) var clientKeepsAlive: Bool
    /// True while all bytes of the request read so far are still in the client's block.
    private(set) var isReplayable = true
    private(set) var responseBegan = false
    /// An interim response went to the client, which waits for the final one.
    private(set) var passedInterim = false
    /// The client was sent an interim response of the proxy's own, to see whether it is still there.
    var wasProbed = false
    private(set) var serverKeepsAlive = false
    /// The client is too old for chunks: their content is passed bare.
    private(set) var unchunks = false
    /// The response ends with the server's connection: the client gets it in chunks and keeps its own.
    private(set) var rechunks = false
    /// The first of those chunks has been begun.
    var hasChunk = false
    /// A `GET` or `HEAD` with a body: a server that overlooks it takes the body for the next request.
    private let hasOddBody: Bool
    /// The client asked for `100 Continue`, and neither that nor a byte of the body has come.
    private var wantsContinue: Bool
    private(set) var freshOnly = false
    /// The next attempt goes to the server of the last one.
    private(set) var repeatsServer = false
    private(set) var lastTried: Int32 = -1
    /// The server that the client's cookie names, by its hash; 0 when it names none.
    var believedServer: UInt64 = 0
    private(set) var attempts: UInt8 = 0
    /// The request asks for another protocol, and may.
    private(set) var asksUpgrade = false
    private var interims: UInt8 = 0
    /// It has waited for a server with room.
    var hasQueued = false
    private var tried: (Int32, Int32, Int32) = (-1, -1, -1)
    var requestBody: BodyProgress
    var responseBody = BodyProgress()
    /// The final response's status once its head has come; 0 before.
    private(set) var status = 0
    /// When the current attempt was sent.
    var dispatched: Int64 = 0

    init(_ head: RequestHead) {
        method = head.method
        minorVersion = head.minorVersion
        clientKeepsAlive = head.keepsAlive
        requestBody = BodyProgress(head.framing, facts: head.summary.facts)
        hasOddBody = (head.method == .get || head.method == .head) && !head.framing.isNone
        wantsContinue = head.expectsContinue && !head.framing.isNone
    }

    /// The client waits for `100 Continue`: the next word is the server's, although the body has not come. A probe of
    /// the proxy's own is such a word, too.
    var awaitsContinue: Bool { wantsContinue && !wasProbed }

    /// Notes that the client sends its body, asked or not.
    mutating func noteBody() { wantsContinue = false }

    /// Notes that the server is asked for another protocol.
    mutating func askUpgrade() { asksUpgrade = true }

    /// Notes that an attempt goes to this server.
    mutating func attempt(_ slot: Int32) {
        lastTried = slot
        repeatsServer = false
        switch attempts {
        case 0: tried.0 = slot
        case 1: tried.1 = slot
        default: tried.2 = slot
        }
        attempts += 1
    }

    /// True when the whole request is here and may be sent twice.
    var isRepeatable: Bool { method.isIdempotent && isReplayable && requestBody.isDone }

    /// True for servers that the next attempt may go to, if need be.
    func mayTry(_ slot: Int32) -> Bool { repeatsServer || !hasTried(slot) }

    func hasTried(_ slot: Int32) -> Bool { tried.0 == slot || tried.1 == slot || tried.2 == slot }

    /// Notes that bytes of the request are about to be overwritten by later ones.
    mutating func forgetSentBytes() { isReplayable = false }

    /// Notes that bytes of a response go to the client: from here on nothing can be repeated.
    mutating func beginResponse() { responseBegan = true }

    /// Notes that an interim response goes to the client.
    mutating func noteInterimPassed() { passedInterim = true }

    /// Notes that the server sent more than its response: its connection cannot be trusted any more.
    mutating func distrustServer() { serverKeepsAlive = false }

    /// The server has closed its connection; true when that is the body's proper end.
    mutating func endByClose() -> Bool {
        guard hasResponse, responseBody.endsWithConnection else { return false }
        responseBody.begin(.none)
        return true
    }

    /// Notes that no further request is wanted on the client's connection.
    mutating func endClient() { clientKeepsAlive = false }

    /// The final response's head has come.
    var hasResponse: Bool { status != 0 }

    /// What follows from the loss of the server, `reused` telling whether its connection had served before.
    /// `attemptsMax` is the number of servers that a request may be sent to.
    mutating func recover(from loss: ServerLoss, reused: Bool, attemptsMax: Int) -> Recovery {
        if responseBegan { return .cut }
        // The client still waits for its final response, but has had bytes of this attempt: it is not repeated.
        if passedInterim { return .answer(loss.status) }
        switch loss {
        case .connectFailed, .connectImpossible, .connectTimeout, .handshakeFailed:
            if Int(attempts) < attemptsMax, isReplayable { return .tryAnotherServer }
        case .closed:
            // The server may have closed before the request reached it; only then is `reused` the likely cause.
            if reused, !freshOnly, isReplayable, method.isIdempotent {
                freshOnly = true
                repeatsServer = true
                attempts -= 1  // no fault of the server's: it has its attempt still
                return .tryFreshConnection
            }
        case .silent, .malformed, .brokenOff: break
        }
        return .answer(loss.status)
    }

    /// A response's head has come.
    mutating func respond(_ head: ResponseHead, closing: Bool) -> Plan {
        if head.isInterim {
            if head.status == 101, asksUpgrade { return .switchProtocols }
            if head.status == 100 { wantsContinue = false }
            interims += 1
            // 101 answers an upgrade that was never passed on; endless interim responses would hold a worker.
            guard head.status != 101 else { return .refuse(.unaskedUpgrade) }
            guard interims <= Exchange.interimMax else { return .refuse(.tooManyInterims) }
            return minorVersion == 1 ? .passInterim : .dropInterim
        }
        let framing = head.framing(answersHead: method == .head)
        responseBody.begin(framing, facts: head.summary.facts)
        status = head.status
        serverKeepsAlive = head.keepsAlive && !framing.isUntilClose && !hasOddBody
        unchunks = minorVersion == 0 && framing.isChunked
        rechunks = minorVersion == 1 && framing.isUntilClose
        if closing || unchunks || framing.isUntilClose && !rechunks || !requestBody.isDone {
            clientKeepsAlive = false
        }
        return .pass
    }

    /// True when the server's connection can serve another request.
    var keepsServer: Bool { serverKeepsAlive && requestBody.isDone && responseBody.isDone }

    /// True when a response cut short would look whole to the client, unless its connection is reset.
    var endsByClose: Bool { unchunks || responseBody.endsWithConnection && !rechunks }
}
