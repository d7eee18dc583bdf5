import CLinux
import Glibc
import HTTP
import Linux

/// From a request to a server that has it.
extension Worker {
    /// Sends the request to a server, or answers why there is none.
    /// `reserved` is a slot with a place taken for it, or −1.
    mutating func dispatch(_ index: Int32, _ client: ClientPointer, reserved: Int32 = -1) {
        var reserved = reserved
        while true {
            let slot = reserved >= 0 ? reserved : choose(index, client)
            reserved = -1
            guard slot >= 0 else {
                if slot == Worker.waits { return }
                blame(index, .noServer)
                answer(index, client, 503, "proxy: no server is active")
                return
            }
            if client.pointee.exchange.attempts > 0 {
                meters.pointee.retries.add()
                serverMeters[Int(slot)].retries.add()
            }
            client.pointee.exchange.attempt(slot)
            noteAttempt(index, slot)
            serverMeters[Int(slot)].requests.add()
            // Only an idempotent request that is here as a whole can be repeated, so others take a connection only if it
            // has not rested long, and after a look whether the server has closed meanwhile.
            let isRepeatable = client.pointee.exchange.isRepeatable
            while !client.pointee.exchange.freshOnly, isRepeatable || hasWarm(slot),
                let upstream = takeIdle(slot)
            {
                if !isRepeatable, !isQuiet(upstreams[upstream]) {
                    closeUpstream(upstream)
                    continue
                }
                join(index, client, upstream)
                sendRequest(index, client, upstreams[upstream])
                return
            }
            if connectServer(index, client, slot) { return }
        }
    }

    private mutating func join(_ index: Int32, _ client: ClientPointer, _ upstream: Int32) {
        let link = upstreams[upstream]
        link.pointee.client = index
        client.pointee.upstream = upstream
        loads[Int(link.pointee.server)].inFlight += 1
        serverMeters[Int(link.pointee.server)].inFlight.add()
    }

    /// Begins a connection; true when the client waits for it or was answered, false to try the next server.
    private mutating func connectServer(_ index: Int32, _ client: ClientPointer, _ slot: Int32) -> Bool {
        let server = servers + Int(slot)
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(server.pointee.family, kind, 0)
        guard descriptor >= 0 else {
            vacate(slot)
            answer(index, client, 503, "proxy: no descriptor for a connection to a server is left")
            return true
        }
        guard let upstream = upstreams.take() ?? takeFromIdle() else {
            _ = close(descriptor)
            vacate(slot)
            answer(index, client, 503, "proxy: too many connections to servers")
            return true
        }
        let link = upstreams[upstream]
        link.initialize(
            to: Upstream(descriptor: descriptor, generation: freshGeneration(), server: slot, client: index))
        join(index, client, upstream)
        serverMeters[Int(slot)].connects.add()
        var one: Int32 = 1
        _ = setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        let outcome = withUnsafePointer(to: &server.pointee.address) {
            connect(
                descriptor, UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self),
                server.pointee.addressLength)
        }
        let code = outcome == 0 ? 0 : errno
        guard code == 0 || code == EINPROGRESS else {
            return !loses(index, client, ServerLoss(connect: code))
        }
        client.pointee.phase = .connecting
        clients.deadlines[Int(index)] = now + limits.connect
        let word = UInt64(link.pointee.generation) << 32 | Worker.upstreamBit | UInt64(upstream)
        let interest = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
        guard clinux_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, interest, word) == 0 else {
            return !loses(index, client, .connectImpossible(code: errno))
        }
        return true
    }

    /// The kernel says something of a connection to a server.
    mutating func upstreamIsReady(_ upstream: Int32, _ link: UpstreamPointer) {
        switch link.pointee.phase {
        case .idle:
            // A server that speaks unasked, or closes; a late word of bytes that were read already is neither,
            // nor are the words of TLS itself.
            if !isClean(link) {
                if link.pointee.ready.contains(.hangup) { noteIdleEnd(link) }
                closeUpstream(upstream)
            }
        case .securing: secureServer(link)
        case .connecting:
            let index = link.pointee.client
            let client = clients[index]
            var code: Int32 = 0
            var length = socklen_t(4)
            _ = getsockopt(link.pointee.descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
            if code != 0 {
                lose(index, client, ServerLoss(connect: code))
            } else if link.pointee.ready.contains(.writable) {
                serverIsConnected(index, client, link)
            }
        case .relaying: relay(link.pointee.client, clients[link.pointee.client])
        case .active: pump(link.pointee.client, clients[link.pointee.client])
        case .free: break
        }
    }

    /// Sends the rewritten head, and with it the part of the body that came with it when there is room.
    mutating func sendRequest(_ index: Int32, _ client: ClientPointer, _ link: UpstreamPointer) {
        guard let block = client.pointee.up.block else { return }
        let head = client.pointee.parser.head
        let bodyStart = client.pointee.up.start + Int32(head.length)
        var writer = HeadWriter(scratch, capacity: blocks.dataBytes)
        let rewriter = HeadRewriter(
            base: block + Int(client.pointee.up.start), fields: blocks.fields(of: block))
        let server = servers + Int(link.pointee.server)
        noteSending(index, reused: link.pointee.served > 0)
        withOrigin(index, client) { origin in
            withUnsafePointer(to: &server.pointee.text) { text in
                rewriter.request(
                    head, from: origin, server: UnsafeRawPointer(text).assumingMemoryBound(to: UInt8.self),
                    serverLength: Int(server.pointee.textLength), into: &writer)
            }
        }
        if client.pointee.exchange.asksUpgrade {
            appendUpgrade(head, block, client.pointee.up.start, to: &writer)
        }
        guard !writer.overflowed else {
            refuseBody(index, client, .headTooLarge)
            return
        }
        var length = writer.count
        // One copy of a body's beginning is cheaper than a second system call, or than one with two buffers.
        let body = Int(client.pointee.upMark - bodyStart)
        client.pointee.upSent = bodyStart
        if body > 0, body <= blocks.dataBytes - length {
            (scratch + length).update(from: block + Int(bodyStart), count: body)
            length += body
            client.pointee.upSent = client.pointee.upMark
        }
        client.pointee.phase = .exchange
        client.pointee.exchange.dispatched = clinux_boot_nanoseconds()
        let sent = transmit(link, scratch, length)
        if sent == length {
            setUploadDeadline(index, client)
            if client.pointee.upSent < client.pointee.upMark || !client.pointee.exchange.requestBody.isDone {
                pump(index, client)
            }
            return
        }
        guard sent >= 0 || errno == EAGAIN else {
            lose(index, client, .closed)
            return
        }
        link.pointee.ready.remove(.writable)
        guard let fresh = blocks.take() else {
            answer(index, client, 503, "proxy: no memory for the request is left")
            return
        }
        client.pointee.spill = Client.Bytes(block: scratch, start: Int32(max(sent, 0)), end: Int32(length))
        scratch = fresh
        setUploadDeadline(index, client)
    }

    /// A request under way has time for its body; a whole one, or one whose client waits for `100 Continue`, for the
    /// response's first byte.
    @inline(__always)
    mutating func setUploadDeadline(_ index: Int32, _ client: ClientPointer) {
        let serversTime = client.pointee.exchange.hasResponse ? limits.responseBody : limits.firstByte
        let isServersTurn =
            (client.pointee.exchange.requestBody.isDone || client.pointee.exchange.awaitsContinue)
            && client.pointee.spill.block == nil
        clients.deadlines[Int(index)] = now + (isServersTurn ? serversTime : limits.requestBody)
    }
}
