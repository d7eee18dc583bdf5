import HTTP

/// What becomes of the notes at the end of an exchange.
extension Worker {
    /// Writes the record of an exchange into the ring, with its texts; counts it where there is no room.
    mutating func writeRecord(
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

    /// Method and target in the client's block, as far as they were parsed.
    func firstLine(
        _ client: ClientPointer
    ) -> (base: UnsafePointer<UInt8>, method: ByteRange, target: ByteRange)? {
        // After an upgrade the block holds what the client likes: of its head only what was kept is left.
        guard let block = client.pointee.up.block, client.pointee.phase != .idle,
            client.pointee.phase != .relaying
        else { return nil }
        let method = client.pointee.parser.head.methodName
        let target = client.pointee.parser.head.target
        let there = client.pointee.up.count
        guard method.count > 0, method.end <= there, target.end <= there else { return nil }
        return (UnsafePointer(block + Int(client.pointee.up.start)), method, target)
    }
}
