import CLinux
import Glibc
import HTTP
import Linux

/// A server's response, from its first byte to the last.
extension Worker {
    /// Room before a response's head, so that the rewritten head can stand right before the body: it grows by a
    /// space, `Date`, `Transfer-Encoding`, two `Connection`, one `X-Request-Id`, one `Via`, one cookie and the size of the first
    /// chunk at most, some 390 bytes in all.
    private static let headroom: Int32 = 512
    /// Room before content that is passed on as a chunk: the end of the last one, and this one's size.
    private static let chunkRoom: Int32 = 16

    /// Reads once; `.yields` when there may be something to send, or more to read.
    mutating func readResponse(_ index: Int32, _ client: ClientPointer) -> Flow {
        let link = upstreams[client.pointee.upstream]
        let isBody = client.pointee.exchange.hasResponse
        if client.pointee.down.block == nil {
            guard let block = blocks.takePassing() else {
                answer(index, client, 503, "proxy: no memory for the response is left")
                return .ended
            }
            let start = isBody ? 0 : Worker.headroom
            client.pointee.down = Client.Bytes(block: block, start: start, end: start)
        }
        guard let block = client.pointee.down.block else { return .waits }
        if isBody, client.pointee.exchange.rechunks {
            client.pointee.down.start = Worker.chunkRoom
            client.pointee.down.end = Worker.chunkRoom
        }
        let end = Int(client.pointee.down.end)
        var room = blocks.dataBytes - end
        // What the client's TLS puts in one record costs one system call.
        if client.pointee.session != nil, isBody { room = min(room, SecureSession.recordBytes) }
        let count = receive(link, block + end, room)
        guard count > 0 else { return endOfServer(index, client, link, code: count < 0 ? errno : 0) }
        client.pointee.down.end += Int32(count)
        guard isBody else { return parseResponse(index, client, block) }
        let flow = passBody(index, client, block, count)
        if client.pointee.exchange.rechunks, case .yields = flow { frameChunk(client, block) }
        return flow
    }

    private mutating func endOfServer(
        _ index: Int32, _ client: ClientPointer, _ link: UpstreamPointer, code: Int32
    ) -> Flow {
        if code == EAGAIN {
            link.pointee.ready.remove(.readable)
            return .waits
        }
        if code == EINTR { return .yields }
        // TLS says its end in so many words; without it the end of a connection that was reset must not pass for one.
        let isEnd = code == 0 && (link.pointee.session != nil || !link.pointee.ready.contains(.broken))
        if isEnd, client.pointee.exchange.endByClose() {
            if client.pointee.exchange.rechunks { endChunks(client) }
            return .yields
        }
        let hasBegun = client.pointee.exchange.hasResponse || client.pointee.down.count > 0
        lose(index, client, hasBegun ? .brokenOff : .closed)
        return .ended
    }

    /// Goes on with an interim response that the client did not take at once, and with what came behind it.
    @inline(never)
    mutating func resumeInterim(_ index: Int32, _ client: ClientPointer) -> Flow {
        guard let block = client.pointee.down.block else { return .waits }
        return parseResponse(index, client, block)
    }

    private mutating func parseResponse(
        _ index: Int32, _ client: ClientPointer, _ block: BlockPool.Block
    ) -> Flow {
        let link = upstreams[client.pointee.upstream]
        while client.pointee.down.count > 0 {
            let start = Int(client.pointee.down.start)
            if client.pointee.holdsInterim {
                if let flow = passInterim(index, client, block, link, awaited: false) { return flow }
                continue
            }
            let verdict = link.pointee.parser.parse(
                block + start, count: client.pointee.down.count, fields: blocks.fields(of: block),
                limits: limits.head)
            switch verdict {
            case .needMore:
                // Behind interim responses a head may lack room although it is within its limit.
                return client.pointee.down.end < Int32(blocks.dataBytes) ? .yields : moveHead(client, block)
            case .refused(let fault): return refuseResponse(index, client, fault)
            case .complete: break
            }
            let head = link.pointee.parser.head
            let awaited = client.pointee.exchange.awaitsContinue
            switch client.pointee.exchange.respond(head, closing: isClosing && !hasNext(client)) {
            case .refuse(let fault): return refuseResponse(index, client, fault)
            case .pass: return passHead(index, client, block, head)
            case .switchProtocols: return switchProtocols(index, client, block, head)
            case .dropInterim: passedInterim(client, link)
            case .passInterim:
                if let flow = passInterim(index, client, block, link, awaited: awaited) { return flow }
            }
        }
        client.pointee.down.start = Worker.headroom
        client.pointee.down.end = Worker.headroom
        return .yields
    }

    private func moveHead(_ client: ClientPointer, _ block: BlockPool.Block) -> Flow {
        let down = client.pointee.down
        memmove(block + Int(Worker.headroom), block + Int(down.start), down.count)
        client.pointee.down.start = Worker.headroom
        client.pointee.down.end = Worker.headroom + Int32(down.count)
        return .yields
    }

    /// Sends an interim response, which stands at the front of `down`, as far as the client takes it; nil when it is gone.
    /// `awaited` says that the client sends its body only after a `100 Continue`.
    private mutating func passInterim(
        _ index: Int32, _ client: ClientPointer, _ block: BlockPool.Block, _ link: UpstreamPointer,
        awaited: Bool
    ) -> Flow? {
        let head = link.pointee.parser.head
        var writer = HeadWriter(scratch, capacity: blocks.dataBytes)
        let rewriter = HeadRewriter(
            base: block + Int(client.pointee.down.start), fields: blocks.fields(of: block))
        rewriter.response(
            head, HeadRewriter.Change(), date: date.text(at: now), id: UnsafePointer(scratch),
            idLength: trails.base[Int(index)].id.lineCount, into: &writer)
        let before = Int(client.pointee.interimSent)
        let left = writer.count - before
        let sent = client.pointee.ready.contains(.writable) ? transmit(client, scratch + before, left) : 0
        guard sent >= 0 || errno == EAGAIN else {
            cut(index, client)
            return .ended
        }
        if sent > 0 {
            client.pointee.meters.pointee.bytesToClients.add(UInt64(sent))
            noteOut(index, sent)
        }
        guard sent == left else {
            // It waits for the client, and the server's next word with it: the same bytes are written again then.
            client.pointee.ready.remove(.writable)
            client.pointee.interimSent += Int32(max(0, sent))
            client.pointee.holdsInterim = true
            clients.deadlines[Int(index)] = now + limits.responseBody
            return .waits
        }
        client.pointee.exchange.noteInterimPassed()
        // From here on it is the client's turn, or the server's again; another word of the server's alone gives it no time.
        if awaited && head.status == 100 || client.pointee.holdsInterim { setUploadDeadline(index, client) }
        passedInterim(client, link)
        return nil
    }

    /// Behind an interim response the next head begins.
    private func passedInterim(_ client: ClientPointer, _ link: UpstreamPointer) {
        client.pointee.holdsInterim = false
        client.pointee.interimSent = 0
        client.pointee.down.start += Int32(link.pointee.parser.head.length)
        link.pointee.parser = ResponseParser()
    }

    /// How long after the listener's end what is pipelined keeps a connection open, in nanoseconds.
    private static let pipelineNanoseconds: Int64 = 10_000_000_000

    /// True when more of the client is here than its request: it is answered, too, before the connection ends. Not for ever,
    /// or a client that always has one more request under way would stay.
    @inline(never)
    func hasNext(_ client: ClientPointer) -> Bool {
        guard client.pointee.exchange.requestBody.isDone,
            now - closingSince < Worker.pipelineNanoseconds
        else { return false }
        let left = client.pointee.up.end - client.pointee.upMark
        // An empty line behind a request is no other one.
        if left > 2 { return true }
        if left > 0, let block = client.pointee.up.block,
            block[Int(client.pointee.upMark)] != UInt8(ascii: "\r")
        {
            return true
        }
        return client.pointee.ready.contains(.readable) && !client.pointee.ready.contains(.hangup)
    }

    /// Puts the rewritten head right before the part of the body that came with it.
    private mutating func passHead(
        _ index: Int32, _ client: ClientPointer, _ block: BlockPool.Block, _ head: ResponseHead
    ) -> Flow {
        let server = Int(upstreams[client.pointee.upstream].pointee.server)
        let moment = clinux_boot_nanoseconds()
        times.record(server, moment - client.pointee.exchange.dispatched, at: moment)
        noteHead(server, nanoseconds: moment - client.pointee.exchange.dispatched, status: head.status)
        var writer = HeadWriter(scratch, capacity: blocks.dataBytes)
        let start = Int(client.pointee.down.start)
        let rewriter = HeadRewriter(base: block + start, fields: blocks.fields(of: block))
        let rechunks = client.pointee.exchange.rechunks
        noteFirstByte(index, at: moment)
        let trail = trails.base + Int(index)
        let change = HeadRewriter.Change(
            unchunked: client.pointee.exchange.unchunks, rechunked: rechunks,
            minor: client.pointee.exchange.minorVersion,
            keepsAlive: client.pointee.exchange.clientKeepsAlive, via: trails.via)
        let dateLine = date.text(at: now)
        RequestID.withLine(of: &trail.pointee.id) { id in
            rewriter.response(
                head, change, date: dateLine, id: id, idLength: trail.pointee.id.lineCount, into: &writer)
        }
        let body = start + head.length
        var length = addCookie(client, server, length: writer.count)
        if rechunks {
            var line = HeadWriter(scratch + length, capacity: Int(Worker.chunkRoom))
            beginChunk(client, Int(client.pointee.down.end) - body, into: &line)
            length += line.count
        }
        guard !writer.overflowed, length <= body else {
            return refuseResponse(index, client, .headTooLarge)
        }
        client.pointee.down.start = Int32(body)
        if case .ended = passBody(index, client, block, Int(client.pointee.down.end) - body) { return .ended }
        (block + body - length).update(from: scratch, count: length)
        client.pointee.down.start = Int32(body - length)
        client.pointee.exchange.beginResponse()
        if head.status >= 500 { serverMeters[server].responses5xx.add() }
        countResponse(client, head.status)
        return .yields
    }

    /// Follows the last `count` bytes of `down`, which are the body's, and leaves there what the client gets.
    @inline(__always)
    private mutating func passBody(
        _ index: Int32, _ client: ClientPointer, _ block: BlockPool.Block, _ count: Int
    ) -> Flow {
        guard count > 0 else { return .yields }
        let start = Int(client.pointee.down.end) - count
        let taken: Int
        let content: Int
        let fault: MessageFault?
        if client.pointee.exchange.unchunks {
            (taken, content, fault) = client.pointee.exchange.responseBody.takeContent(
                block + start, count: count)
        } else {
            (taken, fault) = client.pointee.exchange.responseBody.take(block + start, count: count)
            content = taken
        }
        client.pointee.down.end = Int32(start + content)
        if taken < count { client.pointee.exchange.distrustServer() }
        if let fault { return refuseResponse(index, client, fault) }
        return .yields
    }

    /// The response is malformed: the server's connection ends, and the client hears of it if it still can.
    mutating func refuseResponse(
        _ index: Int32, _ client: ClientPointer, _ fault: MessageFault
    ) -> Flow {
        meters.pointee.responseFaults.add(fault)
        lose(index, client, .malformed(fault))
        return .ended
    }

    // MARK: Content until the server closes, for clients that know chunks

    /// The line before a chunk of `count` bytes of content; nothing when there are none.
    private func beginChunk(_ client: ClientPointer, _ count: Int, into writer: inout HeadWriter) {
        guard count > 0 else { return }
        if client.pointee.exchange.hasChunk { writer.append("\r\n") }
        client.pointee.exchange.hasChunk = true
        writer.append(hexadecimal: count)
        writer.append("\r\n")
    }

    /// Puts the line of a chunk right before the content in `down`.
    private func frameChunk(_ client: ClientPointer, _ block: BlockPool.Block) {
        var writer = HeadWriter(scratch, capacity: Int(Worker.chunkRoom))
        beginChunk(client, client.pointee.down.count, into: &writer)
        client.pointee.down.start -= Int32(writer.count)
        (block + Int(client.pointee.down.start)).update(from: scratch, count: writer.count)
    }

    /// Puts the last chunk into `down`, which is empty.
    private func endChunks(_ client: ClientPointer) {
        guard let block = client.pointee.down.block else { return }
        var writer = HeadWriter(block, capacity: blocks.dataBytes)
        writer.append(client.pointee.exchange.hasChunk ? "\r\n0\r\n\r\n" : "0\r\n\r\n")
        client.pointee.down.start = 0
        client.pointee.down.end = Int32(writer.count)
    }

    @inline(__always)
    func countResponse(_ client: ClientPointer, _ status: Int) {
        let meters = client.pointee.meters
        switch status {
        case 500...: meters.pointee.responses5xx.add()
        case 400...: meters.pointee.responses4xx.add()
        case 300...: meters.pointee.responses3xx.add()
        default: meters.pointee.responses2xx.add()
        }
    }
}
