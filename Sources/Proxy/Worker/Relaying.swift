import CLinux
import Glibc
import Linux

/// Which sides of an upgraded connection have sent their last byte.
struct RelayEnds: OptionSet, BitwiseCopyable {
    let rawValue: UInt8

    static let client = RelayEnds(rawValue: 1)
    static let server = RelayEnds(rawValue: 2)
    /// The server takes nothing new: the connection has the time of its drain left.
    static let drain = RelayEnds(rawValue: 4)
    /// The server takes no more bytes; what it said before is still passed on.
    static let deaf = RelayEnds(rawValue: 8)
    /// All that ends a direction.
    static let someEnd: RelayEnds = [.client, .server, .deaf]

    /// Nothing more can come from either side.
    var areComplete: Bool { contains(.server) && !isDisjoint(with: [.client, .deaf]) }
}

/// Upgraded connections: bytes pass both ways, unread, until both sides have ended.
extension Worker {
    /// Passes bytes both ways as far as both sides take them.
    @inline(never)
    mutating func relay(_ index: Int32, _ client: ClientPointer) {
        let link = upstreams[client.pointee.upstream]
        for _ in 0..<Worker.roundsPerTurn {
            let up = relayUp(index, client, link)
            // Not a step further: the next read of a side that was reset would look like its orderly end.
            if case .ended = up { return endRelay(index, client, isOrderly: false) }
            let down = relayDown(index, client, link)
            if case .ended = down { return endRelay(index, client, isOrderly: false) }
            if client.pointee.relayEnds.areComplete, client.pointee.up.block == nil,
                client.pointee.down.block == nil
            {
                blame(index, orderlyEnd(client))
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
            guard sent >= 0 || errno == EAGAIN else {
                // It has perhaps said something before it went, and the reading side finds out.
                client.pointee.relayEnds.insert(.deaf)
                link.pointee.ready.formUnion([.readable, .hangup])
                client.pointee.up.start = client.pointee.up.end
                return .yields
            }
            if sent < count { link.pointee.ready.remove(.writable) }
            client.pointee.up.start += Int32(max(0, sent))
            if sent > 0 { extend(index, client) }
            return .yields
        }
        guard client.pointee.ready.contains(.readable),
            client.pointee.relayEnds.isDisjoint(with: [.client, .deaf])
        else {
            if let block = client.pointee.up.block { blocks.giveBack(block) }
            client.pointee.up = Client.Bytes()
            return .waits
        }
        guard let block = client.pointee.up.block ?? blocks.take() else { return lackMemory(index) }
        client.pointee.up = Client.Bytes(block: block)
        let count = receive(client, block, blocks.dataBytes)
        if count > 0 {
            client.pointee.meters.pointee.bytesFromClients.add(UInt64(count))
            noteIn(index, count)
            client.pointee.up.end = Int32(count)
            extend(index, client)
            return .yields
        }
        if count < 0 {
            guard errno == EAGAIN || errno == EINTR else { return lost(index, client, .client) }
            if errno == EAGAIN { client.pointee.ready.remove(.readable) }
            return .yields
        }
        client.pointee.relayEnds.insert(.client)
        if let session = link.pointee.session { SecureSession.sayGoodbye(session) }
        _ = shutdown(link.pointee.descriptor, Int32(SHUT_WR))
        extend(index, client)
        return .yields
    }

    /// One step from the server to the client: `.yields` when there may be another.
    private mutating func relayDown(_ index: Int32, _ client: ClientPointer, _ link: UpstreamPointer) -> Flow
    {
        if let block = client.pointee.down.block, client.pointee.down.count > 0 {
            guard client.pointee.ready.contains(.writable) else { return .waits }
            let count = client.pointee.down.count
            let sent = transmit(client, block + Int(client.pointee.down.start), count)
            guard sent >= 0 || errno == EAGAIN else { return lost(index, client, .client) }
            if sent < count { client.pointee.ready.remove(.writable) }
            client.pointee.down.start += Int32(max(0, sent))
            if sent > 0 {
                client.pointee.meters.pointee.bytesToClients.add(UInt64(sent))
                noteOut(index, sent)
                extend(index, client)
            }
            return .yields
        }
        if client.pointee.farewell == .due, sayFarewell(client) { return .yields }
        guard link.pointee.ready.contains(.readable), !client.pointee.relayEnds.contains(.server) else {
            releaseDown(client)
            return .waits
        }
        guard let block = client.pointee.down.block ?? blocks.takePassing() else { return lackMemory(index) }
        client.pointee.down = Client.Bytes(block: block)
        let count = receive(link, block, blocks.dataBytes - Farewell.length)
        if count > 0 {
            client.pointee.down.end = Int32(passing(client, block, count))
            extend(index, client)
            return .yields
        }
        if count < 0 {
            guard errno == EAGAIN || errno == EINTR else { return lost(index, client, .server) }
            if errno == EAGAIN { link.pointee.ready.remove(.readable) }
            return .yields
        }
        // A reset that was met while writing looks like an end to who reads; under TLS an end is said.
        if client.pointee.relayEnds.contains(.deaf), link.pointee.session == nil {
            return lost(index, client, .server)
        }
        client.pointee.relayEnds.insert(.server)
        sayGoodbye(client)
        _ = shutdown(client.pointee.descriptor, Int32(SHUT_WR))
        extend(index, client)
        return .yields
    }

    /// A side is not there any more. When it had sent its last byte before, that was its end, and this is only how its
    /// kernel says that nobody reads there.
    @inline(never)
    private mutating func lost(_ index: Int32, _ client: ClientPointer, _ side: RelayEnds) -> Flow {
        let isOver = client.pointee.relayEnds.isSuperset(of: side) || client.pointee.farewell == .said
        blame(index, isOver ? orderlyEnd(client) : side == .server ? .serverCut : .clientGone)
        // A client that has sent its last byte waits for the server's: an orderly end would make a part look whole.
        if !isOver, side == .server, client.pointee.relayEnds.contains(.client) { resetAtClose(client) }
        client.pointee.relayEnds.insert(side == .server ? .deaf : .client)
        return .ended
    }

    @inline(never)
    private mutating func lackMemory(_ index: Int32) -> Flow {
        blame(index, .proxyLimit)
        return .ended
    }

    // MARK: Ending

    /// Why a connection ends that both sides have ended, or that was told to.
    private func orderlyEnd(_ client: ClientPointer) -> EndReason {
        client.pointee.farewell == .said ? .drained : .done
    }

    /// Something passed: the time without anything begins anew. Once one side has ended, the other may pause as long as a
    /// response's body may.
    @inline(__always)
    private func extend(_ index: Int32, _ client: ClientPointer) {
        let isWhole = client.pointee.relayEnds.isDisjoint(with: .someEnd)
        let pause = isWhole ? limits.upgradeIdle : min(limits.upgradeIdle, limits.responseBody)
        clients.deadlines[Int(index)] = min(now + pause, client.pointee.until)
    }

    /// Upgraded connections of servers that take nothing new have the time of the drain to end by themselves.
    @inline(never)
    mutating func drainUpgrades() {
        for upstream in 0..<Int32(upstreams.highWater) where upstreams[upstream].pointee.phase == .relaying {
            let index = upstreams[upstream].pointee.client
            let client = clients[index]
            if !servers[Int(upstreams[upstream].pointee.server)].isActive {
                drainUpgrade(index, client)
            } else {
                forgetDrain(index, client)
            }
        }
    }

    /// The server takes nothing new, be it that it agreed to the upgrade only after that was said.
    mutating func drainUpgrade(_ index: Int32, _ client: ClientPointer) {
        guard client.pointee.relayEnds.insert(.drain).inserted else { return }
        client.pointee.until = now + limits.serverDrain
        let deadline = clients.deadlines + Int(index)
        deadline.pointee = min(deadline.pointee, client.pointee.until)
        // Said in the same turn, but not amid the change of tables that this may be called from.
        if owesFarewell(client) { queue(index, client) }
    }

    /// The server takes new requests again; who was told to go by then goes in its drain's time.
    private func forgetDrain(_ index: Int32, _ client: ClientPointer) {
        guard client.pointee.relayEnds.contains(.drain), client.pointee.farewell != .said else { return }
        client.pointee.relayEnds.remove(.drain)
        client.pointee.until = .max
        if !saysFarewell { client.pointee.farewell = .none }
        extend(index, client)
    }

    /// The time of an upgraded connection is up: of its rest, of its server's drain, or of the one side that had not ended.
    @inline(never)
    mutating func relayExpired(_ index: Int32, _ client: ClientPointer) {
        let ends = client.pointee.relayEnds
        let (holdsUp, holdsDown) = (client.pointee.up.count > 0, client.pointee.down.count > 0)
        // A client that got everything, and only did not end, misses nothing.
        let isOver = ends.contains(.server) && !holdsDown && !holdsUp
        if isOver || client.pointee.farewell == .said {
            blame(index, orderlyEnd(client))
        } else if client.pointee.until <= now {
            blame(index, .drained)
        } else if holdsDown, !ends.isDisjoint(with: .someEnd) {
            blame(index, .timeoutClientRead)
        } else {
            blame(index, ends.contains(.client) ? .timeoutResponseBody : .timeoutUpgradeIdle)
        }
        let isOrderly = ends.isDisjoint(with: .someEnd) || isOver
        // After an end of the client's own an orderly one would make a part look whole.
        if !isOrderly {
            resetAtClose(client)
            client.pointee.relayEnds.insert(.client)  // it is closed at once
        }
        endRelay(index, client, isOrderly: isOrderly)
    }

    /// Both connections end; under TLS either side sees in what manner.
    private mutating func endRelay(_ index: Int32, _ client: ClientPointer, isOrderly: Bool) {
        if !isOrderly {
            client.pointee.session?.pointee.breakOff()
            upstreams[client.pointee.upstream].pointee.session?.pointee.breakOff()
        }
        closeUpstream(client.pointee.upstream)
        let ends = client.pointee.relayEnds
        guard ends.contains(.deaf), !ends.contains(.client) else { return closeClient(index, client) }
        // It is the server that went: the client may still be writing, and what was said to it be on its way.
        noteClose(index, client)
        meters.pointee.upgraded.subtract()
        beginLinger(index, client)
    }
}
