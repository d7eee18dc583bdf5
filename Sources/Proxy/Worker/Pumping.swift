import CLinux
import Glibc
import HTTP
import Linux

/// Bytes of an exchange, both ways, as far as both sides take them.
extension Worker {
    /// What a direction waits for.
    enum Flow {
        case waits
        /// It has had its share of this turn.
        case yields
        /// The exchange has ended, one way or another.
        case ended
    }

    mutating func pump(_ index: Int32, _ client: ClientPointer) {
        let generation = client.pointee.generation
        var yields = false
        if !client.pointee.exchange.requestBody.isDone || client.pointee.spill.block != nil
            || client.pointee.upSent < client.pointee.upMark
        {
            switch pumpUp(index, client) {
            case .ended: return
            case .yields: yields = true
            case .waits: break
            }
        }
        guard client.pointee.generation == generation, client.pointee.phase == .exchange else { return }
        switch pumpDown(index, client) {
        case .ended: return
        case .yields: yields = true
        case .waits: break
        }
        if yields { queue(index, client) }
    }

    /// The request's body on its way to the server.
    private mutating func pumpUp(_ index: Int32, _ client: ClientPointer) -> Flow {
        let link = upstreams[client.pointee.upstream]
        for _ in 0..<Worker.roundsPerTurn {
            if client.pointee.spill.block != nil, !sendSpill(client, link) { return .waits }
            if client.pointee.upSent < client.pointee.upMark, !sendBody(client, link) { return .waits }
            if client.pointee.exchange.requestBody.isDone {
                setUploadDeadline(index, client)
                return .waits
            }
            guard link.pointee.ready.contains(.writable), client.pointee.ready.contains(.readable) else {
                return .waits
            }
            switch readBody(index, client) {
            case .waits: return .waits
            case .ended: return .ended
            case .yields: continue
            }
        }
        return .yields
    }

    /// Sends what is left of the head; true when all of it is gone.
    private mutating func sendSpill(_ client: ClientPointer, _ link: UpstreamPointer) -> Bool {
        guard let block = client.pointee.spill.block else { return true }
        while client.pointee.spill.count > 0 {
            let sent = write(link, block + Int(client.pointee.spill.start), client.pointee.spill.count)
            guard sent > 0 else { return false }
            client.pointee.spill.start += Int32(sent)
        }
        blocks.giveBack(block)
        client.pointee.spill = Client.Bytes()
        return true
    }

    /// Sends the part of the body that is in `up`; true when all of it is gone.
    private mutating func sendBody(_ client: ClientPointer, _ link: UpstreamPointer) -> Bool {
        guard let block = client.pointee.up.block else { return true }
        while client.pointee.upSent < client.pointee.upMark {
            let sent = write(
                link, block + Int(client.pointee.upSent), Int(client.pointee.upMark - client.pointee.upSent))
            guard sent > 0 else { return false }
            client.pointee.upSent += Int32(sent)
        }
        return true
    }

    /// Writes to a server. A failure only stops the writing: the server may have answered before it closed, and
    /// the reading side finds out.
    private mutating func write(_ link: UpstreamPointer, _ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int {
        guard link.pointee.ready.contains(.writable) else { return 0 }
        let sent = transmit(link, bytes, count)
        if sent < count {
            link.pointee.ready.remove(.writable)
            if sent < 0, errno != EAGAIN { link.pointee.ready.formUnion([.readable, .hangup, .broken]) }
        }
        return sent
    }

    /// Less room than this behind a request is not worth a read of its own.
    private static let appendBytesMin = 1024

    /// Reads more of the body: behind what is there while the block has room, so that the request can be sent again, and
    /// from then on over what has been sent. `.yields` when there is something to send.
    private mutating func readBody(_ index: Int32, _ client: ClientPointer) -> Flow {
        guard let block = client.pointee.up.block else { return .waits }
        let appends =
            client.pointee.exchange.isReplayable
            && blocks.dataBytes - Int(client.pointee.up.end) >= Worker.appendBytesMin
        if !appends {
            keepTarget(index, client)
            client.pointee.exchange.forgetSentBytes()
            client.pointee.up.start = 0
            client.pointee.up.end = 0
            client.pointee.upMark = 0
            client.pointee.upSent = 0
        }
        let place = block + Int(client.pointee.up.end)
        let count = receive(client, place, blocks.dataBytes - Int(client.pointee.up.end))
        guard count > 0 else {
            if count < 0, errno == EAGAIN || errno == EINTR {
                if errno == EAGAIN { client.pointee.ready.remove(.readable) }
                return .waits
            }
            if count == 0, client.pointee.exchange.hasResponse {
                // The answer came before the request's end, and the client sends no more of it: it still reads.
                client.pointee.ready.remove(.readable)
                return .waits
            }
            cut(index, client)  // a client that ends within its request wants no answer
            return .ended
        }
        client.pointee.meters.pointee.bytesFromClients.add(UInt64(count))
        client.pointee.up.end += Int32(count)
        let (taken, fault) = client.pointee.exchange.requestBody.take(place, count: count)
        client.pointee.exchange.noteBody()
        client.pointee.upMark += Int32(taken)
        noteIn(index, taken)
        if let fault {
            refuseBody(index, client, fault)
            return .ended
        }
        setUploadDeadline(index, client)
        return .yields
    }

    /// The response on its way to the client.
    private mutating func pumpDown(_ index: Int32, _ client: ClientPointer) -> Flow {
        for _ in 0..<Worker.roundsPerTurn {
            if client.pointee.holdsInterim {
                guard client.pointee.ready.contains(.writable) else { return .waits }
                switch resumeInterim(index, client) {
                case .waits: return .waits
                case .ended: return .ended
                case .yields: continue
                }
            }
            // Before the final head, `down` holds the beginning of that head and nothing for the client.
            if client.pointee.exchange.hasResponse, client.pointee.down.count > 0 {
                switch sendDown(index, client) {
                case .waits: return .waits
                case .ended:
                    cut(index, client)
                    return .ended
                case .yields: break
                }
            }
            if client.pointee.exchange.hasResponse, client.pointee.exchange.responseBody.isDone {
                finish(index, client)
                return .ended
            }
            guard upstreams[client.pointee.upstream].pointee.ready.contains(.readable) else { return .waits }
            switch readResponse(index, client) {
            case .waits:
                if client.pointee.isCorked { uncork(client) }
                return .waits
            case .ended: return .ended
            case .yields: continue
            }
        }
        return .yields
    }

    /// True when more of the body has come already: full segments cost less than twice as many halves.
    @inline(__always)
    private func hasMore(_ client: ClientPointer) -> Bool {
        client.pointee.phase == .exchange && !client.pointee.exchange.responseBody.isDone
            && client.pointee.session == nil
            && upstreams[client.pointee.upstream].pointee.ready.contains(.readable)
    }

    @inline(never)
    private func transmitMore(_ client: ClientPointer, _ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int {
        client.pointee.isCorked = true
        return clinux_send(client.pointee.descriptor, bytes, count, Int32(MSG_NOSIGNAL | MSG_MORE))
    }

    /// Has the kernel send what it holds back: nothing more came after all.
    @inline(never)
    private func uncork(_ client: ClientPointer) {
        client.pointee.isCorked = false
        var one: Int32 = 1
        _ = setsockopt(client.pointee.descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
    }

    /// Sends what is in `down`: `.yields` when all of it is gone, `.waits` when the client takes no more,
    /// `.ended` when it is not there any more.
    mutating func sendDown(_ index: Int32, _ client: ClientPointer) -> Flow {
        guard let block = client.pointee.down.block else { return .yields }
        while client.pointee.down.count > 0 {
            guard client.pointee.ready.contains(.writable) else { return .waits }
            let count = client.pointee.down.count
            let sent =
                hasMore(client)
                ? transmitMore(client, block + Int(client.pointee.down.start), count)
                : transmit(client, block + Int(client.pointee.down.start), count)
            if sent < 0 {
                guard errno == EAGAIN else { return .ended }
                client.pointee.ready.remove(.writable)
                return .waits
            }
            if sent < count { client.pointee.ready.remove(.writable) }
            client.pointee.meters.pointee.bytesToClients.add(UInt64(sent))
            noteOut(index, sent)
            client.pointee.down.start += Int32(sent)
            clients.deadlines[Int(index)] = now + limits.responseBody
        }
        client.pointee.down.start = 0
        client.pointee.down.end = 0
        return .yields
    }
}
