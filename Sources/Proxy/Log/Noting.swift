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

    /// Bytes of the body came from the client.
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

    /// Method and target in the client's block, as far as they were parsed.
    private func firstLine(
        _ client: ClientPointer
    ) -> (base: UnsafePointer<UInt8>, method: ByteRange, target: ByteRange)? {
        guard let block = client.pointee.up.block, client.pointee.phase != .idle else { return nil }
        let method = client.pointee.parser.head.methodName
        let target = client.pointee.parser.head.target
        let there = client.pointee.up.count
        guard method.count > 0, method.end <= there, target.end <= there else { return nil }
        return (UnsafePointer(block + Int(client.pointee.up.start)), method, target)
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

    private mutating func writeRecord(
        _ index: Int32, _ client: ClientPointer, _ trail: UnsafeMutablePointer<Trail>, _ reason: EndReason
    ) {
        var record = LogRecord()
        fill(&record, client, trail, reason)
        let line = trail.pointee.keptMethod == 0 ? firstLine(client) : nil
        if let line {
            record.methodLength = UInt8(min(line.method.count, LogRecord.methodBytesMax))
            record.targetLength = UInt16(min(line.target.count, LogRecord.targetBytesMax))
            record.isCutShort = line.target.count > LogRecord.targetBytesMax
        } else {
            record.methodLength = trail.pointee.keptMethod
            record.targetLength = trail.pointee.keptTarget
            record.isCutShort = !trail.pointee.keptWhole
        }
        if trail.pointee.server >= 0 { record.serverLength = servers[Int(trail.pointee.server)].textLength }
        let length = (MemoryLayout<LogRecord>.stride + record.textBytes + 7) & ~7
        record.length = UInt32(length)
        guard let place = trails.writer.reserve(length) else {
            meters.pointee.logDropped.add()
            return
        }
        place.initializeMemory(as: LogRecord.self, to: record)
        var text = place + MemoryLayout<LogRecord>.stride
        func append(_ bytes: UnsafeRawPointer, _ count: Int) {
            text.copyMemory(from: bytes, byteCount: count)
            text += count
        }
        if trail.pointee.realLength > 0 {
            append(&trails.lore[Int(index)].real, Int(record.clientLength))
            append(&client.pointee.address, Int(record.peerLength))
        } else {
            append(&client.pointee.address, Int(record.clientLength))
        }
        if record.serverLength > 0 {
            append(&servers[Int(trail.pointee.server)].text, Int(record.serverLength))
        }
        if record.idLength > 0 {
            RequestID.withLine(of: &trail.pointee.id) {
                append($0 + RequestID.nameBytes, Int(record.idLength))
            }
        }
        if let line {
            append(line.base + line.method.start, Int(record.methodLength))
            append(line.base + line.target.start, Int(record.targetLength))
        } else if record.methodLength > 0 {
            append(trails.keeping(index), Int(record.methodLength) + Int(record.targetLength))
        }
        trails.writer.publish(length)
    }

    @inline(__always)
    private func fill(
        _ record: inout LogRecord, _ client: ClientPointer, _ trail: UnsafeMutablePointer<Trail>,
        _ reason: EndReason
    ) {
        record.status =
            trail.pointee.answered > 0
            ? trail.pointee.answered
            : UInt16(truncatingIfNeeded: trail.pointee.headDone > 0 ? client.pointee.exchange.status : 0)
        if trail.pointee.realLength > 0 {
            record.clientLength = trail.pointee.realLength
            record.peerLength = client.pointee.addressLength
        } else {
            record.clientLength = client.pointee.addressLength
        }
        record.idLength = trail.pointee.id.count
        record.end = reason
        record.fault = trail.pointee.fault
        record.began = trail.pointee.began
        record.headDone = trail.pointee.headDone
        record.firstByte = trail.pointee.firstByte
        // The turn's clock may stand before the last readings of the precise one.
        record.ended = max(now, trail.pointee.firstByte)
        record.bytesIn = trail.pointee.bytesIn
        record.bytesOut = trail.pointee.bytesOut
        guard trail.pointee.headDone > 0 else { return }
        record.hasHead = true
        record.minorVersion = client.pointee.exchange.minorVersion
        record.attempts = client.pointee.exchange.attempts
        record.chosen = trail.pointee.chosen
        record.dispatched = client.pointee.exchange.dispatched
        record.reusedConnection = trail.pointee.reused
    }
}
