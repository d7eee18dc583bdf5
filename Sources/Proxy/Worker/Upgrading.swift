import CLinux
import Glibc
import HTTP
import Linux

/// Connections that leave HTTP behind: what is asked, and the switch.
extension Worker {
    // MARK: Asking

    /// Notes that a request asks for another protocol that is allowed; otherwise its fields end at this hop, as
    /// RFC 9110 §7.8 lets them, and the server answers in HTTP.
    @inline(never)
    mutating func noteUpgrade(_ client: ClientPointer, _ block: BlockPool.Block) {
        let head = client.pointee.parser.head
        let base = block + Int(client.pointee.up.start)
        // A body would have to be told from the new protocol's bytes, and nobody upgrades with one.
        guard head.method == .get, head.minorVersion == 1, head.framing.isNone, !isClosing,
            let name = upgradeName(head.summary, base, blocks.fields(of: block)),
            allows(base + name.start, name.count)
        else { return }
        client.pointee.exchange.askUpgrade()
    }

    private func allows(_ name: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        upgrades.contains { allowed in
            allowed.count == count
                && allowed.withUnsafeBufferPointer { bytes in
                    bytes.baseAddress.map { Worker.equals(name, $0, count) } ?? false
                }
        }
    }

    /// The protocol that a head names in its one `Upgrade` field, which `Connection` must name, too.
    private func upgradeName(
        _ summary: FieldSummary, _ base: UnsafePointer<UInt8>, _ fields: UnsafePointer<Field>
    ) -> ByteRange? {
        var found: ByteRange?
        for index in 0..<summary.count where Worker.isUpgrade(fields[index], base) {
            guard found == nil, summary.nominates(fields[index], base, fields) else { return nil }
            found = fields[index].value
        }
        return found
    }

    private static func isUpgrade(_ field: Field, _ base: UnsafePointer<UInt8>) -> Bool {
        let name: StaticString = "upgrade"
        return field.kind == .hopByHop && field.name.count == name.utf8CodeUnitCount
            && equals(base + field.name.start, name.utf8Start, field.name.count)
    }

    /// True when bytes equal a word in lower case but for the case of letters.
    private static func equals(
        _ bytes: UnsafePointer<UInt8>, _ word: UnsafePointer<UInt8>, _ count: Int
    ) -> Bool {
        for index in 0..<count {
            let byte = bytes[index]
            let lower = byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
            if lower != word[index] { return false }
        }
        return true
    }

    /// Adds to a rewritten head what the rewriting left out.
    @inline(never)
    func appendUpgrade(
        _ head: RequestHead, _ block: BlockPool.Block, _ start: Int32, to writer: inout HeadWriter
    ) {
        let base = block + Int(start)
        guard let name = upgradeName(head.summary, base, blocks.fields(of: block)) else { return }
        writer.reopen()
        writer.append("Connection: Upgrade\r\nUpgrade: ")
        writer.append(name, of: base)
        writer.append("\r\n\r\n")
    }

    // MARK: Switching

    /// The server agrees: its 101 goes to the client, and from there on bytes only pass.
    @inline(never)
    mutating func switchProtocols(
        _ index: Int32, _ client: ClientPointer, _ block: BlockPool.Block, _ head: ResponseHead
    ) -> Flow {
        let link = upstreams[client.pointee.upstream]
        let start = Int(client.pointee.down.start)
        let body = start + head.length
        var writer = HeadWriter(scratch, capacity: blocks.dataBytes)
        guard isAgreed(index, client, block, head, into: &writer) else {
            return refuseResponse(index, client, .badUpgrade)
        }
        let server = Int(link.pointee.server)
        let length = addCookie(client, server, length: writer.count)
        guard !writer.overflowed, length <= body else {
            return refuseResponse(index, client, .headTooLarge)
        }
        let framed = isWebSocket(client, block, head) ? FrameFollower() : .none
        noteSwitch(index, client, server)
        (block + body - length).update(from: scratch, count: length)
        client.pointee.down.start = Int32(body - length)
        client.pointee.exchange.beginResponse()
        client.pointee.exchange.endClient()
        meters.pointee.upgrades.add()
        meters.pointee.upgraded.add()
        // What the client has sent behind its request is the new protocol's.
        client.pointee.up.start = client.pointee.upMark
        noteIn(index, client.pointee.up.count)
        client.pointee.relayEnds = []
        client.pointee.farewell = .none
        client.pointee.until = .max
        client.pointee.frames = framed
        client.pointee.frames.follow(block + body, count: Int(client.pointee.down.end) - body)
        client.pointee.phase = .relaying
        link.pointee.phase = .relaying
        clients.deadlines[Int(index)] = now + limits.upgradeIdle
        if !servers[server].isActive { drainUpgrade(index, client) }
        if saysFarewell { _ = owesFarewell(client) }
        relay(index, client)
        return .ended
    }

    /// The 101 is all the answer that HTTP knows of: it counts for the server as any other does, and for the log it is
    /// what the request got. Method and target are kept, for their bytes make room for the new protocol's.
    private mutating func noteSwitch(_ index: Int32, _ client: ClientPointer, _ server: Int) {
        let moment = clinux_boot_nanoseconds()
        let nanoseconds = moment - client.pointee.exchange.dispatched
        times.record(server, nanoseconds, at: moment)
        noteHead(server, nanoseconds: nanoseconds, status: 101)
        noteWhole(server, status: 101)
        keepTarget(index, client)
        noteFirstByte(index, at: moment)
        noteStatus(index, 101)
    }

    /// Writes the 101 as the client gets it; false when it does not answer what was asked.
    private func isAgreed(
        _ index: Int32, _ client: ClientPointer, _ block: BlockPool.Block, _ head: ResponseHead,
        into writer: inout HeadWriter
    ) -> Bool {
        let base = block + Int(client.pointee.down.start)
        let fields = blocks.fields(of: block)
        guard let up = client.pointee.up.block,
            let name = upgradeName(head.summary, base, fields),
            let asked = upgradeName(
                client.pointee.parser.head.summary, up + Int(client.pointee.up.start), blocks.fields(of: up)),
            asked.count == name.count
        else { return false }
        let wanted = up + Int(client.pointee.up.start) + asked.start
        for place in 0..<name.count where wanted[place] | 0x20 != base[name.start + place] | 0x20 {
            return false
        }
        let trail = trails.base + Int(index)
        let idLength = trail.pointee.id.lineCount
        writer.append("HTTP/1.1")
        writer.append(head.statusAndReason, of: base)
        writer.append("\r\n")
        for field in 0..<head.summary.count
        where passes(fields[field], head, base, fields, replacesID: idLength > 0) {
            writer.append(fields[field].name, of: base)
            writer.append(": ")
            writer.append(fields[field].value, of: base)
            writer.append("\r\n")
        }
        if idLength > 0 { RequestID.withLine(of: &trail.pointee.id) { writer.append($0, idLength) } }
        writer.append("Connection: Upgrade\r\nUpgrade: ")
        writer.append(name, of: base)
        writer.append("\r\n\r\n")
        return true
    }

    /// True when the server has agreed to speak WebSocket.
    private func isWebSocket(_ client: ClientPointer, _ block: BlockPool.Block, _ head: ResponseHead) -> Bool
    {
        let base = block + Int(client.pointee.down.start)
        guard let name = upgradeName(head.summary, base, blocks.fields(of: block)) else { return false }
        let word: StaticString = "websocket"
        return name.count == word.utf8CodeUnitCount
            && Worker.equals(base + name.start, word.utf8Start, name.count)
    }

    private func passes(
        _ field: Field, _ head: ResponseHead, _ base: UnsafePointer<UInt8>, _ fields: UnsafePointer<Field>,
        replacesID: Bool
    ) -> Bool {
        if field.kind == .requestID, replacesID { return false }
        return field.kind != .connection && field.kind != .hopByHop && field.kind != .contentLength
            && field.kind != .transferEncoding && !head.summary.nominates(field, base, fields)
    }
}
