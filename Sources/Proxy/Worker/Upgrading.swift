import CLinux
import Glibc
import HTTP
import Linux

/// Which sides of an upgraded connection have sent their last byte.
struct RelayEnds: OptionSet, BitwiseCopyable {
    let rawValue: UInt8

    static let client = RelayEnds(rawValue: 1)
    static let server = RelayEnds(rawValue: 2)
    /// The server takes nothing new: the connection has the time of its drain left.
    static let drain = RelayEnds(rawValue: 4)
}

/// Connections that leave HTTP behind: bytes pass both ways, unread, until both sides have ended.
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
        guard isAgreed(client, block, head, into: &writer) else {
            return refuseResponse(index, client, .badUpgrade)
        }
        guard !writer.overflowed, writer.count <= body else {
            return refuseResponse(index, client, .headTooLarge)
        }
        let moment = clinux_boot_nanoseconds()
        control.meters.latency(Int(link.pointee.server)).record(
            moment - client.pointee.exchange.dispatched, at: moment)
        (block + body - writer.count).update(from: scratch, count: writer.count)
        client.pointee.down.start = Int32(body - writer.count)
        client.pointee.exchange.beginResponse()
        client.pointee.exchange.endClient()
        meters.pointee.upgrades.add()
        meters.pointee.upgraded.add()
        // What the client has sent behind its request is the new protocol's.
        client.pointee.up.start = client.pointee.upMark
        client.pointee.relayEnds = []
        client.pointee.phase = .relaying
        link.pointee.phase = .relaying
        clients.deadlines[Int(index)] = now + limits.upgradeIdle
        if !servers[Int(link.pointee.server)].isActive { drainUpgrade(index, client) }
        relay(index, client)
        return .ended
    }

    /// Writes the 101 as the client gets it; false when it does not answer what was asked.
    private func isAgreed(
        _ client: ClientPointer, _ block: BlockPool.Block, _ head: ResponseHead, into writer: inout HeadWriter
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
        for index in 0..<name.count where wanted[index] | 0x20 != base[name.start + index] | 0x20 {
            return false
        }
        writer.append("HTTP/1.1")
        writer.append(head.statusAndReason, of: base)
        writer.append("\r\n")
        for index in 0..<head.summary.count where passes(fields[index], head, base, fields) {
            writer.append(fields[index].name, of: base)
            writer.append(": ")
            writer.append(fields[index].value, of: base)
            writer.append("\r\n")
        }
        writer.append("Connection: Upgrade\r\nUpgrade: ")
        writer.append(name, of: base)
        writer.append("\r\n\r\n")
        return true
    }

    private func passes(
        _ field: Field, _ head: ResponseHead, _ base: UnsafePointer<UInt8>, _ fields: UnsafePointer<Field>
    ) -> Bool {
        field.kind != .connection && field.kind != .hopByHop && field.kind != .contentLength
            && field.kind != .transferEncoding && !head.summary.nominates(field, base, fields)
    }

    // MARK: Passing

    /// Passes bytes both ways as far as both sides take them.
    @inline(never)
    mutating func relay(_ index: Int32, _ client: ClientPointer) {
        let link = upstreams[client.pointee.upstream]
        for _ in 0..<Worker.roundsPerTurn {
            let up = relayUp(index, client, link)
            let down = relayDown(index, client, link)
            if case .ended = up { return endRelay(index, client, isOrderly: false) }
            if case .ended = down { return endRelay(index, client, isOrderly: false) }
            if client.pointee.relayEnds.isSuperset(of: [.client, .server]), client.pointee.up.block == nil,
                client.pointee.down.block == nil
            {
                return endRelay(index, client, isOrderly: true)
            }
            if case .waits = up, case .waits = down { return }
        }
        queue(index, client)
    }

    /// One step from the client to the server: `.yields` when there may be another.
    private mutating func relayUp(_ index: Int32, _ client: ClientPointer, _ link: UpstreamPointer) -> Flow {
        if let block = client.pointee.up.block, client.pointee.up.count > 0 {
            guard link.pointee.ready.contains(.writable) else { return .waits }
            let count = client.pointee.up.count
            let sent = transmit(link, block + Int(client.pointee.up.start), count)
            guard sent >= 0 || errno == EAGAIN else { return .ended }
            if sent < count { link.pointee.ready.remove(.writable) }
            client.pointee.up.start += Int32(max(0, sent))
            if sent > 0 { extend(index, client) }
            return .yields
        }
        guard client.pointee.ready.contains(.readable), !client.pointee.relayEnds.contains(.client) else {
            if let block = client.pointee.up.block { blocks.giveBack(block) }
            client.pointee.up = Client.Bytes()
            return .waits
        }
        guard let block = client.pointee.up.block ?? blocks.take() else { return .ended }
        client.pointee.up = Client.Bytes(block: block)
        let count = receive(client, block, blocks.dataBytes)
        if count > 0 {
            client.pointee.meters.pointee.bytesFromClients.add(UInt64(count))
            client.pointee.up.end = Int32(count)
            extend(index, client)
            return .yields
        }
        if count < 0 {
            guard errno == EAGAIN || errno == EINTR else { return .ended }
            if errno == EAGAIN { client.pointee.ready.remove(.readable) }
            return .yields
        }
        client.pointee.relayEnds.insert(.client)
        if let session = link.pointee.session { SecureSession.sayGoodbye(session) }
        _ = shutdown(link.pointee.descriptor, Int32(SHUT_WR))
        endSoon(index)
        return .yields
    }

    /// One step from the server to the client: `.yields` when there may be another.
    private mutating func relayDown(_ index: Int32, _ client: ClientPointer, _ link: UpstreamPointer) -> Flow
    {
        if let block = client.pointee.down.block, client.pointee.down.count > 0 {
            guard client.pointee.ready.contains(.writable) else { return .waits }
            let count = client.pointee.down.count
            let sent = transmit(client, block + Int(client.pointee.down.start), count)
            guard sent >= 0 || errno == EAGAIN else { return .ended }
            if sent < count { client.pointee.ready.remove(.writable) }
            client.pointee.down.start += Int32(max(0, sent))
            if sent > 0 {
                client.pointee.meters.pointee.bytesToClients.add(UInt64(sent))
                extend(index, client)
            }
            return .yields
        }
        guard link.pointee.ready.contains(.readable), !client.pointee.relayEnds.contains(.server) else {
            releaseDown(client)
            return .waits
        }
        guard let block = client.pointee.down.block ?? blocks.take() else { return .ended }
        client.pointee.down = Client.Bytes(block: block)
        let count = receive(link, block, blocks.dataBytes)
        if count > 0 {
            client.pointee.down.end = Int32(count)
            extend(index, client)
            return .yields
        }
        if count < 0 {
            guard errno == EAGAIN || errno == EINTR else { return .ended }
            if errno == EAGAIN { link.pointee.ready.remove(.readable) }
            return .yields
        }
        client.pointee.relayEnds.insert(.server)
        sayGoodbye(client)
        _ = shutdown(client.pointee.descriptor, Int32(SHUT_WR))
        endSoon(index)
        return .yields
    }

    /// Something passed: the time without anything begins anew, unless one side has ended.
    @inline(__always)
    private func extend(_ index: Int32, _ client: ClientPointer) {
        if client.pointee.relayEnds.isEmpty { clients.deadlines[Int(index)] = now + limits.upgradeIdle }
    }

    /// One side has ended: the other has as much time for the rest as a response's body has.
    private func endSoon(_ index: Int32) {
        let deadline = clients.deadlines + Int(index)
        deadline.pointee = min(deadline.pointee, now + limits.responseBody)
    }

    /// Upgraded connections of servers that take nothing new have the time of the drain to end by themselves.
    @inline(never)
    mutating func drainUpgrades() {
        for upstream in 0..<Int32(upstreams.highWater) where upstreams[upstream].pointee.phase == .relaying {
            let index = upstreams[upstream].pointee.client
            let client = clients[index]
            if !servers[Int(upstreams[upstream].pointee.server)].isActive {
                drainUpgrade(index, client)
            } else if client.pointee.relayEnds.remove(.drain) != nil {
                extend(index, client)
            }
        }
    }

    /// The server takes nothing new, be it that it agreed to the upgrade only after that was said.
    private func drainUpgrade(_ index: Int32, _ client: ClientPointer) {
        guard client.pointee.relayEnds.insert(.drain).inserted else { return }
        let deadline = clients.deadlines + Int(index)
        deadline.pointee = min(deadline.pointee, now + limits.serverDrain)
    }

    /// Both connections end; a TLS client sees in what manner.
    mutating func endRelay(_ index: Int32, _ client: ClientPointer, isOrderly: Bool) {
        if !isOrderly { client.pointee.session?.pointee.breakOff() }
        closeUpstream(client.pointee.upstream)
        closeClient(index, client)
    }
}
