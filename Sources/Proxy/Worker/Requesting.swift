import Glibc
import HTTP
import Linux

/// From a client's readiness to a request that is ready to be sent.
extension Worker {
    mutating func clientIsReady(_ index: Int32, _ client: ClientPointer) {
        if let session = client.pointee.session { session.pointee.resume(&client.pointee.ready) }
        switch client.pointee.phase {
        case .idle, .head: readRequest(index, client)
        case .queued: queuedIsReady(index, client)
        case .connecting, .exchange:
            // A reset means that nobody is left to answer; a half-closed client still waits for its response.
            if client.pointee.ready.contains(.failed) {
                cut(index, client)
            } else if client.pointee.phase == .exchange {
                pump(index, client)
            }
        case .answering: sendAnswer(index, client)
        case .lingering: linger(index, client)
        case .securing: secure(index, client)
        case .relaying: relay(index, client)
        case .free: break
        }
    }

    /// Reads and parses until a request is whole or nothing more comes.
    private mutating func readRequest(_ index: Int32, _ client: ClientPointer) {
        if client.pointee.up.count > 0, parseRequest(index, client) { return }
        for _ in 0..<Worker.roundsPerTurn {
            guard client.pointee.ready.contains(.readable) else {
                releaseUpAtRest(client)
                return
            }
            guard let block = client.pointee.up.block ?? blocks.take() else {
                noteBegun(index)
                client.pointee.exchange = Exchange(RequestHead())
                refuseForMemory(index, client)
                return
            }
            if client.pointee.up.block == nil { beginUp(client, block) }
            makeRoom(client, block)
            let room = blocks.dataBytes - Int(client.pointee.up.end)
            let count = receive(client, block + Int(client.pointee.up.end), room)
            guard count > 0 else {
                if count < 0, errno == EINTR { continue }
                if count < 0, errno == EAGAIN {
                    client.pointee.ready.remove(.readable)
                    releaseUpAtRest(client)
                } else {
                    closeClient(index, client)
                }
                return
            }
            client.pointee.meters.pointee.bytesFromClients.add(UInt64(count))
            client.pointee.up.end += Int32(count)
            if parseRequest(index, client) { return }
        }
        queue(index, client)
    }

    /// Moves the start of a head to the block's front when it would not fit behind earlier requests.
    private func makeRoom(_ client: ClientPointer, _ block: BlockPool.Block) {
        let up = client.pointee.up
        guard up.start > 0, blocks.dataBytes - Int(up.start) <= limits.head.headBytes else { return }
        memmove(block, block + Int(up.start), up.count)
        client.pointee.up.end -= up.start
        client.pointee.up.start = 0
    }

    /// A client that rests holds no block: an empty line that it has sent is only counted.
    private mutating func releaseUpAtRest(_ client: ClientPointer) {
        guard client.pointee.phase == .idle, let block = client.pointee.up.block else { return }
        client.pointee.emptyLine = UInt8(client.pointee.up.count)
        blocks.giveBack(block)
        client.pointee.up = Client.Bytes()
    }

    /// Gives a client a block, and in it what was only counted.
    private func beginUp(_ client: ClientPointer, _ block: BlockPool.Block) {
        client.pointee.up = Client.Bytes(block: block)
        guard client.pointee.emptyLine > 0 else { return }
        block[0] = UInt8(ascii: "\r")
        block[1] = UInt8(ascii: "\n")
        client.pointee.up.end = Int32(client.pointee.emptyLine)
        client.pointee.upMark = client.pointee.up.end
        client.pointee.emptyLine = 0
    }

    /// Goes on with the head in `up`; true when the client left the reading phases.
    private mutating func parseRequest(_ index: Int32, _ client: ClientPointer) -> Bool {
        guard let block = client.pointee.up.block else { return false }
        if client.pointee.phase == .idle {
            if client.pointee.up.count <= 2, isEmptyLine(client, block) {
                rest(index, client)
                return false
            }
            client.pointee.phase = .head
            noteBegun(index)
            client.pointee.began = now
            client.pointee.parser = RequestParser()
            clients.deadlines[Int(index)] = now + limits.clientHead
        }
        let verdict = client.pointee.parser.parse(
            block + Int(client.pointee.up.start), count: client.pointee.up.count,
            fields: blocks.fields(of: block), limits: limits.head)
        switch verdict {
        case .needMore: return false
        case .refused(let fault):
            client.pointee.meters.pointee.requestFaults.add(fault)
            blame(index, .refused, fault)
            // As much of the head as was understood: the answer to HEAD has no body even then.
            client.pointee.exchange = Exchange(client.pointee.parser.head)
            client.pointee.exchange.endClient()
            answer(index, client, fault.status, "client: \(fault.reason)")
        case .complete: begin(index, client, block)
        }
        return true
    }

    /// True when nothing has come but the empty line that may stand before a request (RFC 9112 §2.2), or its first half.
    private func isEmptyLine(_ client: ClientPointer, _ block: BlockPool.Block) -> Bool {
        let bytes = block + Int(client.pointee.up.start)
        guard bytes[0] == UInt8(ascii: "\r") else { return false }
        return client.pointee.up.count == 1 || bytes[1] == UInt8(ascii: "\n")
    }

    /// An empty line is no request: its client goes on resting until the time is over that its last answer, or the
    /// connection, has begun. The parser sees the line with what comes next, for it is strict about a second one.
    @inline(never)
    private func rest(_ index: Int32, _ client: ClientPointer) {
        // Behind a request that was answered the line came with it, and nobody has begun that time yet.
        if client.pointee.upMark == client.pointee.up.start, client.pointee.parser.head.length > 0 {
            clients.deadlines[Int(index)] = now + (isDraining ? limits.drainIdle : limits.clientIdle)
        }
        client.pointee.upMark = client.pointee.up.end
    }

    /// A whole head is here: the exchange begins.
    private mutating func begin(_ index: Int32, _ client: ClientPointer, _ block: BlockPool.Block) {
        client.pointee.meters.pointee.requests.add()
        let head = client.pointee.parser.head
        client.pointee.exchange = Exchange(head)
        let body = client.pointee.up.start + Int32(head.length)
        let (taken, fault) = client.pointee.exchange.requestBody.take(
            block + Int(body), count: Int(client.pointee.up.end - body))
        if taken > 0 { client.pointee.exchange.noteBody() }
        client.pointee.upMark = body + Int32(taken)
        client.pointee.upSent = body
        noteRequest(index, client, block)
        if let fault {
            refuseBody(index, client, fault)
            return
        }
        if head.hasSecureScheme, isMisdirected(index, client) {
            refuseBody(index, client, .wrongScheme)
            return
        }
        if head.method == .options || head.method == .trace, endsHere(index, client, head, block) { return }
        if head.summary.facts.contains(.nominates) { noteUpgrade(client, block) }
        if limits.redirects, client.pointee.session == nil {
            redirect(index, client)
            return
        }
        dispatch(index, client)
    }

    /// True when an `https` target came by a connection that cannot carry it (RFC 9110 §7.4): without TLS, unless a
    /// trusted proxy says so, which may have ended it, or the client is sent to TLS anyway.
    private func isMisdirected(_ index: Int32, _ client: ClientPointer) -> Bool {
        client.pointee.session == nil && !limits.redirects && !trails.base[Int(index)].isTrusted
    }

    /// Answers an `OPTIONS` or `TRACE` that may go no further (RFC 9110 §7.6.2).
    private mutating func endsHere(
        _ index: Int32, _ client: ClientPointer, _ head: RequestHead, _ block: BlockPool.Block
    ) -> Bool {
        let start = Int(client.pointee.up.start)
        guard case .count(0, _) = head.hopsLeft(block + start, blocks.fields(of: block)) else { return false }
        if head.method == .options {
            answer(index, client, 200, "proxy: the request may go no further")
        } else {
            answer(index, client, 501, "proxy: TRACE is not answered here")
        }
        return true
    }

    /// The request cannot be passed on: its body's framing is broken, and no byte after it means anything, or its head
    /// is fine by itself but has no way on.
    mutating func refuseBody(_ index: Int32, _ client: ClientPointer, _ fault: MessageFault) {
        client.pointee.meters.pointee.requestFaults.add(fault)
        blame(index, .refused, fault)
        client.pointee.exchange.endClient()
        if client.pointee.exchange.responseBegan {
            cut(index, client)
        } else {
            answer(index, client, fault.status, "client: \(fault.reason)")
        }
    }
}
