import CLinux
import Glibc
import HTTP

/// What a worker notes of each exchange as it goes by. Each of these is one predictable branch while the log is
/// off.
extension Worker {
    /// A client has connected.
    @inline(__always)
    mutating func noteClient(_ index: Int32, _ address: inout sockaddr_storage) {
        let isTrusted = !trails.trusted.isEmpty && trails.trusted.contains(AddressBits(&address))
        trails.base[Int(index)] = Trail(isTrusted: isTrusted)
    }

    /// The first byte of a request is here.
    @inline(__always)
    mutating func noteBegun(_ index: Int32) {
        if trails.isLogging {
            trails.base[Int(index)].begin(at: now)
        } else {
            trails.base[Int(index)].begin()
        }
    }

    /// The head is whole, and `upMark` tells how much of the body came with it.
    @inline(__always)
    mutating func noteRequest(_ index: Int32, _ client: ClientPointer, _ block: BlockPool.Block) {
        let trail = trails.base + Int(index)
        if trails.isLogging {
            trail.pointee.headDone = now
            trail.pointee.bytesIn = UInt64(client.pointee.upMark - client.pointee.up.start)
        }
        if trails.marks || trail.pointee.isTrusted { mark(index, client, block) }
    }

    /// Gives the request its id and perhaps a trace, and finds out who really asks.
    private mutating func mark(
        _ index: Int32, _ client: ClientPointer, _ block: BlockPool.Block
    ) {
        let trail = trails.base + Int(index)
        let lore = trails.lore + Int(index)
        let base = UnsafePointer(block + Int(client.pointee.up.start))
        let fields = UnsafePointer(blocks.fields(of: block))
        let facts = client.pointee.parser.head.summary.facts
        if trails.options.contains(.requestID) {
            let brings = trail.pointee.isTrusted && facts.contains(.requestID)
            if !brings || !trail.pointee.id.adopt(client.pointee.parser.head, base, fields) {
                trail.pointee.id.make(&trails.randomness)
            }
        }
        trail.pointee.traceLength = 0
        if trails.options.contains(.startsTraces),
            !facts.contains(.tracing) || !TraceParent.isValid(client.pointee.parser.head, base, fields)
        {
            withUnsafeMutablePointer(to: &lore.pointee.trace) {
                TraceParent.write(
                    &trails.randomness, to: UnsafeMutableRawPointer($0).assumingMemoryBound(to: UInt8.self))
            }
            trail.pointee.traceLength = UInt8(TraceParent.lineBytes)
        }
        if trail.pointee.isTrusted, facts.contains(.forwarded),
            let real = ForwardedChain.client(
                client.pointee.parser.head, base, fields, trusted: trails.trusted)
        {
            withUnsafeMutablePointer(to: &lore.pointee.real) {
                trail.pointee.realLength = UInt8(
                    real.write(to: UnsafeMutableRawPointer($0).assumingMemoryBound(to: UInt8.self)))
            }
        }
    }

    /// A server was chosen.
    @inline(__always)
    mutating func noteAttempt(_ index: Int32, _ slot: Int32) {
        guard trails.isLogging else { return }
        let trail = trails.base + Int(index)
        trail.pointee.chosen = now
        trail.pointee.server = slot
        trail.pointee.end = .none
        trail.pointee.reused = false
        clients[index].pointee.exchange.dispatched = 0
    }

    /// Calls `body` with what the server of a request is told of its client.
    @inline(__always)
    func withOrigin(_ index: Int32, _ client: ClientPointer, _ body: (HeadRewriter.Origin) -> Void) {
        let trail = trails.base + Int(index)
        withUnsafePointer(to: &client.pointee.address) { address in
            var origin = HeadRewriter.Origin(
                client: UnsafeRawPointer(address).assumingMemoryBound(to: UInt8.self),
                clientLength: Int(client.pointee.addressLength))
            origin.isTrusted = trail.pointee.isTrusted
            origin.options = trails.options
            origin.via = trails.via
            origin.isSecure = client.pointee.session != nil
            RequestID.withLine(of: &trail.pointee.id) { id in
                origin.id = id
                origin.idLength = trail.pointee.id.lineCount
                guard trails.options.contains(.startsTraces) else { return body(origin) }
                withUnsafePointer(to: &trails.lore[Int(index)].trace) { trace in
                    origin.trace = UnsafeRawPointer(trace).assumingMemoryBound(to: UInt8.self)
                    origin.traceLength = Int(trail.pointee.traceLength)
                    body(origin)
                }
            }
        }
    }

    /// The request is about to be sent over this connection.
    @inline(__always)
    mutating func noteSending(_ index: Int32, reused: Bool) {
        if trails.isLogging { trails.base[Int(index)].reused = reused }
    }

    /// The head of the response is here.
    @inline(__always)
    mutating func noteFirstByte(_ index: Int32, at moment: Int64) {
        if trails.isLogging { trails.base[Int(index)].firstByte = moment }
    }

    /// The status that the client is sent, where no final response of a server has it.
    @inline(__always)
    mutating func noteStatus(_ index: Int32, _ status: UInt16) {
        if trails.isLogging { trails.base[Int(index)].answered = status }
    }

    /// Bytes of the body, or of the protocol after an upgrade, came from the client.
    @inline(__always)
    mutating func noteIn(_ index: Int32, _ count: Int) {
        if trails.isLogging { trails.base[Int(index)].bytesIn += UInt64(count) }
    }

    /// Bytes went to the client.
    @inline(__always)
    mutating func noteOut(_ index: Int32, _ count: Int) {
        if trails.isLogging { trails.base[Int(index)].bytesOut += UInt64(count) }
    }

    /// Says why the exchange will end; nothing goes wrong when it does not.
    mutating func blame(_ index: Int32, _ reason: EndReason, _ fault: MessageFault? = nil) {
        guard trails.isLogging else { return }
        trails.base[Int(index)].end = reason
        if let fault { trails.base[Int(index)].fault = fault.rawValue }
    }

    /// Says that a loss is why.
    mutating func blame(_ index: Int32, _ loss: ServerLoss) {
        if case .malformed(let fault) = loss {
            blame(index, .serverMalformed, fault)
        } else {
            blame(index, EndReason(loss))
        }
    }

    /// The request is answered by the proxy itself: it gets an id if it has none, and a reason.
    mutating func noteAnswer(_ index: Int32, _ client: ClientPointer, _ status: Int) {
        let trail = trails.base + Int(index)
        trail.pointee.answered = UInt16(truncatingIfNeeded: status)
        if trail.pointee.id.count == 0 { trail.pointee.id.make(&trails.randomness) }
        guard trail.pointee.end == .none else { return }
        switch status {
        case 408:
            trail.pointee.end = client.pointee.phase == .head ? .timeoutHead : .timeoutRequestBody
        case 431:
            trail.pointee.end = .refused
            trail.pointee.fault = MessageFault.headTooLarge.rawValue
        // A redirection, or an answer to OPTIONS: all went as it should.
        case ..<400: trail.pointee.end = .done
        default: trail.pointee.end = .proxyLimit
        }
    }

    /// True when the request's `Accept` would rather have JSON than text; only a head still in memory tells.
    func prefersJSON(_ client: ClientPointer) -> Bool {
        guard let block = client.pointee.up.block, client.pointee.exchange.isReplayable,
            client.pointee.parser.head.length > 0
        else { return false }
        let base = UnsafePointer(block + Int(client.pointee.up.start))
        let fields = UnsafePointer(blocks.fields(of: block))
        guard let accept = client.pointee.parser.head.value(of: "accept", base, fields) else { return false }
        return AcceptField.prefersJSON(base + accept.start, accept.count)
    }

    /// Keeps method and target, whose bytes are about to be overwritten.
    @inline(__always)
    mutating func keepTarget(_ index: Int32, _ client: ClientPointer) {
        guard trails.isLogging, trails.base[Int(index)].keptMethod == 0 else { return }
        copyTarget(index, client)
    }

    private mutating func copyTarget(_ index: Int32, _ client: ClientPointer) {
        guard let (base, method, target) = firstLine(client) else { return }
        let trail = trails.base + Int(index)
        let place = trails.keeping(index)
        let methodLength = min(method.count, LogRecord.methodBytesMax)
        let targetLength = min(target.count, LogRecord.targetBytesMax)
        place.update(from: base + method.start, count: methodLength)
        (place + methodLength).update(from: base + target.start, count: targetLength)
        trail.pointee.keptMethod = UInt8(methodLength)
        trail.pointee.keptTarget = UInt16(targetLength)
        trail.pointee.keptWhole = targetLength == target.count
    }

    /// The exchange has ended: its line is written.
    @inline(__always)
    mutating func noteEnd(_ index: Int32, _ client: ClientPointer, _ reason: EndReason) {
        guard trails.isLogging else { return }
        let trail = trails.base + Int(index)
        guard trail.pointee.began != 0 else { return }
        writeRecord(index, client, trail, reason)
        trail.pointee.began = 0
    }

    /// The exchange ends with the connection, unless it has ended before.
    @inline(__always)
    mutating func noteClose(_ index: Int32, _ client: ClientPointer) {
        if trails.isLogging { noteEnd(index, client, trails.base[Int(index)].end) }
    }
}
