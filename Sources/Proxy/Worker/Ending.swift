import CLinux
import Glibc
import HTTP
import Linux

/// How exchanges and connections end.
extension Worker {
    /// Bytes of a request nobody wants that are read before its connection is closed for good.
    private static let discardBytes: Int32 = 256 * 1024

    /// The response has been sent in full.
    mutating func finish(_ index: Int32, _ client: ClientPointer) {
        noteEnd(index, client, .done)
        let upstream = client.pointee.upstream
        noteWhole(Int(upstreams[upstream].pointee.server), status: client.pointee.exchange.status)
        let isWhole =
            client.pointee.exchange.requestBody.isDone && client.pointee.spill.block == nil
            && client.pointee.upSent == client.pointee.upMark
        if isWhole, client.pointee.exchange.keepsServer, isClean(upstreams[upstream]) {
            park(upstream)
        } else {
            closeUpstream(upstream)
        }
        releaseDown(client)
        if isWhole, client.pointee.exchange.clientKeepsAlive {
            awaitRequest(index, client)
        } else {
            endClient(index, client, isWhole: isWhole)
        }
    }

    /// True when a connection to a server has nothing more to say.
    func isClean(_ link: UpstreamPointer) -> Bool {
        if link.pointee.ready.contains(.hangup) { return false }
        guard link.pointee.ready.contains(.readable) else { return true }
        // The last read filled the block exactly: only the kernel knows whether more came.
        guard isQuiet(link) else { return false }
        link.pointee.ready.remove(.readable)
        return true
    }

    /// The client may send its next request; perhaps it is here already.
    private mutating func awaitRequest(_ index: Int32, _ client: ClientPointer) {
        client.pointee.phase = .idle
        client.pointee.up.start = client.pointee.upMark
        if client.pointee.up.count > 0 {
            queue(index, client)
            return
        }
        if let block = client.pointee.up.block {
            blocks.giveBack(block)
            client.pointee.up = Client.Bytes()
        }
        clients.deadlines[Int(index)] = now + (isDraining ? limits.drainIdle : limits.clientIdle)
        if client.pointee.ready.contains(.readable) { queue(index, client) }
    }

    /// The client's connection ends after its last response.
    private mutating func endClient(_ index: Int32, _ client: ClientPointer, isWhole: Bool) {
        if isWhole, !client.pointee.ready.contains(.readable), client.pointee.upMark == client.pointee.up.end
        {
            closeClient(index, client)
        } else {
            beginLinger(index, client)
        }
    }

    /// Closing with unread bytes would reset the connection and perhaps destroy the answer on its way.
    mutating func beginLinger(_ index: Int32, _ client: ClientPointer) {
        releaseBlocks(client)
        sayGoodbye(client)
        _ = shutdown(client.pointee.descriptor, Int32(SHUT_WR))
        client.pointee.phase = .lingering
        client.pointee.discarded = 0
        clients.deadlines[Int(index)] = now + limits.linger
        client.pointee.ready.insert(.readable)
        linger(index, client)
    }

    /// Reads and forgets until the client closes.
    mutating func linger(_ index: Int32, _ client: ClientPointer) {
        while client.pointee.discarded < Worker.discardBytes {
            let count = recv(client.pointee.descriptor, scratch, blocks.dataBytes, 0)
            if count < 0, errno == EAGAIN { return }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            client.pointee.discarded += Int32(count)
        }
        closeClient(index, client)
    }

    // MARK: Answers of the proxy's own

    /// Answers instead of a server; what a server was doing for this client ends.
    mutating func answer(_ index: Int32, _ client: ClientPointer, _ status: Int, _ text: String) {
        if client.pointee.holdsInterim {
            cut(index, client)  // behind a part of an interim response no answer can stand
            return
        }
        if client.pointee.phase == .queued { unqueue(client) }
        if client.pointee.upstream >= 0 { closeUpstream(client.pointee.upstream) }
        releaseSpill(client)
        releaseDown(client)
        guard let block = blocks.take() else {
            refuseForMemory(index, client)
            return
        }
        noteAnswer(index, client, status)
        let exchange = client.pointee.exchange
        let keepsAlive =
            exchange.clientKeepsAlive && exchange.requestBody.isDone && (!isClosing || hasNext(client))
        let length = Answer.write(
            status, text: text, isHead: exchange.method == .head, keepsAlive: keepsAlive,
            minorVersion: exchange.minorVersion, date: date.text(at: now),
            id: &trails.base[Int(index)].id, isJSON: prefersJSON(client), to: block)
        countResponse(client, status)
        client.pointee.down = Client.Bytes(block: block, start: 0, end: Int32(length))
        client.pointee.closesAfterAnswer = !keepsAlive
        client.pointee.phase = .answering
        clients.deadlines[Int(index)] = now + limits.responseBody
        sendAnswer(index, client)
    }

    mutating func sendAnswer(_ index: Int32, _ client: ClientPointer) {
        switch sendDown(index, client) {
        case .waits: return
        case .ended: closeClient(index, client)
        case .yields:
            noteClose(index, client)
            releaseDown(client)
            if client.pointee.closesAfterAnswer {
                beginLinger(index, client)
            } else {
                awaitRequest(index, client)
            }
        }
    }

    // MARK: Losses

    /// The server is lost: repeat, answer or cut.
    mutating func lose(_ index: Int32, _ client: ClientPointer, _ loss: ServerLoss) {
        if loses(index, client, loss) { dispatch(index, client) }
    }

    /// The same, but true when the request is to be dispatched again by the caller.
    mutating func loses(_ index: Int32, _ client: ClientPointer, _ loss: ServerLoss) -> Bool {
        let link = upstreams[client.pointee.upstream]
        let slot = link.pointee.server
        let recovery = client.pointee.exchange.recover(
            from: loss, reused: link.pointee.served > 0, attemptsMax: limits.attemptsMax)
        // A server may close an idle connection when it likes, and is not to blame for what the proxy's host lacks.
        if recovery != .tryFreshConnection, !loss.isOwn { noteLoss(slot, loss) }
        blame(index, loss)
        closeUpstream(client.pointee.upstream)
        switch recovery {
        case .cut:
            cut(index, client)
            return false
        case .tryFreshConnection:
            meters.pointee.staleRetries.add()
            releaseForRetry(client)
            return true
        case .tryAnotherServer where mayRetry(client):
            releaseForRetry(client)
            return true
        case .tryAnotherServer:
            answer(index, client, loss.status, describe(slot, loss))
            return false
        case .answer(let status):
            answer(index, client, status, describe(slot, loss))
            return false
        }
    }

    private mutating func releaseForRetry(_ client: ClientPointer) {
        releaseSpill(client)
        releaseDown(client)
    }

    /// True when there is another server, and repeating does not get out of hand.
    private mutating func mayRetry(_ client: ClientPointer) -> Bool {
        guard hasUntried(client) else { return false }
        if retryBudget.take(requests: requestCount, at: now) { return true }
        meters.pointee.retriesDenied.add()
        return false
    }

    private func describe(_ slot: Int32, _ loss: ServerLoss) -> String {
        if loss.isOwn { return "proxy: \(Answer.describe(loss))" }
        let server = servers[Int(slot)]
        var bytes: [UInt8] = []
        for position in 0..<Int(server.textLength) { bytes.append(server.text[position]) }
        return "server \(String(decoding: bytes, as: UTF8.self)): \(Answer.describe(loss))"
    }

    /// Ends an exchange of which nothing can be saved.
    mutating func cut(_ index: Int32, _ client: ClientPointer) {
        if client.pointee.phase == .exchange, client.pointee.exchange.hasResponse {
            meters.pointee.cut.add()
            if client.pointee.exchange.endsByClose {
                // An orderly end would make the part look whole: reset instead.
                resetAtClose(client)
            }
        }
        // No `close_notify`, or the part would look whole under TLS.
        client.pointee.session?.pointee.breakOff()
        if client.pointee.upstream >= 0 { closeUpstream(client.pointee.upstream) }
        closeClient(index, client)
    }

    /// Closing the client's connection will reset it.
    func resetAtClose(_ client: ClientPointer) {
        var reset = Glibc.linger(l_onoff: 1, l_linger: 0)
        _ = setsockopt(
            client.pointee.descriptor, SOL_SOCKET, SO_LINGER, &reset,
            socklen_t(MemoryLayout<Glibc.linger>.size))
    }

    /// A client's time is up.
    mutating func clientExpired(_ index: Int32, _ client: ClientPointer) {
        switch client.pointee.phase {
        case .free: clients.deadlines[Int(index)] = .max
        case .idle, .lingering, .answering: closeClient(index, client)
        case .securing: handshakeExpired(index, client)
        case .relaying: relayExpired(index, client)
        case .head:
            client.pointee.exchange = Exchange(RequestHead())
            client.pointee.exchange.endClient()
            answer(index, client, 408, "client: the request's head did not come in time")
        case .queued: queuedExpired(index, client)
        case .connecting: lose(index, client, .connectTimeout)
        case .exchange:
            let exchange = client.pointee.exchange
            if exchange.hasResponse || client.pointee.holdsInterim {
                blame(index, client.pointee.down.count > 0 ? .timeoutClientRead : .timeoutResponseBody)
                cut(index, client)
            } else if !exchange.requestBody.isDone, !exchange.awaitsContinue,
                client.pointee.spill.block == nil, client.pointee.upSent == client.pointee.upMark
            {
                client.pointee.exchange.endClient()
                answer(index, client, 408, "client: the request's body did not come in time")
            } else {
                lose(index, client, .silent)
            }
        }
    }

    // MARK: Memory

    mutating func releaseDown(_ client: ClientPointer) {
        guard let block = client.pointee.down.block else { return }
        blocks.giveBackPassing(block)
        client.pointee.down = Client.Bytes()
    }

    private mutating func releaseSpill(_ client: ClientPointer) {
        guard let block = client.pointee.spill.block else { return }
        blocks.giveBack(block)
        client.pointee.spill = Client.Bytes()
    }

    private mutating func releaseBlocks(_ client: ClientPointer) {
        releaseDown(client)
        releaseSpill(client)
        guard let block = client.pointee.up.block else { return }
        blocks.giveBack(block)
        client.pointee.up = Client.Bytes()
    }

    mutating func closeClient(_ index: Int32, _ client: ClientPointer) {
        if client.pointee.phase == .queued { unqueue(client) }
        noteClose(index, client)
        releaseBlocks(client)
        if client.pointee.isCounted { control.crowd?.leave(client.pointee.crowd) }
        endSession(client)
        _ = close(client.pointee.descriptor)
        if client.pointee.phase == .relaying { meters.pointee.upgraded.subtract() }
        client.pointee.phase = .free
        client.pointee.isQueued = false
        clients.giveBack(index)
        client.pointee.meters.pointee.open.subtract()
    }
}
