import CLinux
import Glibc
import HTTP
import Linux

/// A server's response, from its first byte to the last.
extension Worker {
    /// Room before a response's head, so that the rewritten head can stand right before the body: it grows by
    /// one `Connection` field at most.
    private static let headroom: Int32 = 64

    /// Reads once; `.yields` when there may be something to send, or more to read.
    mutating func readResponse(_ index: Int32, _ client: ClientPointer) -> Flow {
        let link = upstreams[client.pointee.upstream]
        let isBody = client.pointee.exchange.hasResponse
        if client.pointee.down.block == nil {
            guard let block = blocks.take() else {
                answer(index, client, 503, "proxy: no memory for the response is left")
                return .ended
            }
            let start = isBody ? 0 : Worker.headroom
            client.pointee.down = Client.Bytes(block: block, start: start, end: start)
        }
        guard let block = client.pointee.down.block else { return .waits }
        let end = Int(client.pointee.down.end)
        var room = blocks.dataBytes - end
        // What the client's TLS puts in one record costs one system call.
        if client.pointee.session != nil, isBody { room = min(room, SecureSession.recordBytes) }
        let count = receive(link, block + end, room)
        guard count > 0 else { return endOfServer(index, client, link, code: count < 0 ? errno : 0) }
        client.pointee.down.end += Int32(count)
        return isBody ? passBody(index, client, block, count) : parseResponse(index, client, block)
    }

    private mutating func endOfServer(
        _ index: Int32, _ client: ClientPointer, _ link: UpstreamPointer, code: Int32
    ) -> Flow {
        if code == EAGAIN {
            link.pointee.ready.remove(.readable)
            return .waits
        }
        if code == EINTR { return .yields }
        if code == 0, client.pointee.exchange.endByClose() { return .yields }
        let hasBegun = client.pointee.exchange.hasResponse || client.pointee.down.count > 0
        lose(index, client, hasBegun ? .brokenOff : .closed)
        return .ended
    }

    private mutating func parseResponse(
        _ index: Int32, _ client: ClientPointer, _ block: BlockPool.Block
    ) -> Flow {
        let link = upstreams[client.pointee.upstream]
        while client.pointee.down.count > 0 {
            let start = Int(client.pointee.down.start)
            let verdict = link.pointee.parser.parse(
                block + start, count: client.pointee.down.count, fields: blocks.fields(of: block),
                limits: limits.head)
            switch verdict {
            case .needMore:
                // Behind interim responses a head may lack room although it is within its limit.
                return client.pointee.down.end < Int32(blocks.dataBytes) ? .yields : moveHead(client, block)
            case .refused(let fault):
                lose(index, client, .malformed(fault))
                return .ended
            case .complete: break
            }
            let head = link.pointee.parser.head
            switch client.pointee.exchange.respond(head, closing: isClosing) {
            case .refuse(let fault):
                lose(index, client, .malformed(fault))
                return .ended
            case .pass: return passHead(index, client, block, head)
            case .switchProtocols: return switchProtocols(index, client, block, head)
            case .dropInterim: break
            case .passInterim:
                guard passInterim(index, client, block, head) else { return .ended }
            }
            client.pointee.down.start += Int32(head.length)
            link.pointee.parser = ResponseParser()
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

    /// Sends an interim response at once; false when the client was lost over it.
    private mutating func passInterim(
        _ index: Int32, _ client: ClientPointer, _ block: BlockPool.Block, _ head: ResponseHead
    ) -> Bool {
        var writer = HeadWriter(scratch, capacity: blocks.dataBytes)
        let rewriter = HeadRewriter(
            base: block + Int(client.pointee.down.start), fields: blocks.fields(of: block))
        rewriter.response(head, unchunked: false, toMinorVersion: 1, keepsAlive: true, into: &writer)
        // A client that takes nothing now does without: interim responses are hints.
        guard client.pointee.ready.contains(.writable) else { return true }
        let sent = transmit(client, scratch, writer.count)
        // TLS has begun a record and must end it.
        if sent < 0, errno == EAGAIN, client.pointee.session == nil { return true }
        guard sent == writer.count else {
            cut(index, client)
            return false
        }
        client.pointee.exchange.beginResponse()
        meters.pointee.bytesToClients.add(UInt64(sent))
        return true
    }

    /// Puts the rewritten head right before the part of the body that came with it.
    private mutating func passHead(
        _ index: Int32, _ client: ClientPointer, _ block: BlockPool.Block, _ head: ResponseHead
    ) -> Flow {
        let server = Int(upstreams[client.pointee.upstream].pointee.server)
        let moment = clinux_boot_nanoseconds()
        control.meters.latency(server).record(moment - client.pointee.exchange.dispatched, at: moment)
        var writer = HeadWriter(scratch, capacity: blocks.dataBytes)
        let start = Int(client.pointee.down.start)
        let rewriter = HeadRewriter(base: block + start, fields: blocks.fields(of: block))
        rewriter.response(
            head, unchunked: client.pointee.exchange.unchunks,
            toMinorVersion: client.pointee.exchange.minorVersion,
            keepsAlive: client.pointee.exchange.clientKeepsAlive, into: &writer)
        let body = start + head.length
        guard !writer.overflowed, writer.count <= body else {
            lose(index, client, .malformed(.headTooLarge))
            return .ended
        }
        client.pointee.down.start = Int32(body)
        if case .ended = passBody(index, client, block, Int(client.pointee.down.end) - body) { return .ended }
        (block + body - writer.count).update(from: scratch, count: writer.count)
        client.pointee.down.start = Int32(body - writer.count)
        client.pointee.exchange.beginResponse()
        if head.status >= 500 { serverMeters[server].responses5xx.add() }
        countResponse(head.status)
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
        guard fault == nil else {
            lose(index, client, .brokenOff)
            return .ended
        }
        return .yields
    }

    @inline(__always)
    mutating func countResponse(_ status: Int) {
        switch status {
        case 500...: meters.pointee.responses5xx.add()
        case 400...: meters.pointee.responses4xx.add()
        case 300...: meters.pointee.responses3xx.add()
        default: meters.pointee.responses2xx.add()
        }
    }
}
