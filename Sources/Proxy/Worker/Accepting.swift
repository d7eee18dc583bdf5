import CLinux
import Glibc
import HTTP
import Linux

/// New clients.
extension Worker {
    enum Acceptance { case accepted, nothing, exhausted }

    /// Connections taken per wake: more would keep those already served waiting.
    private static let acceptsPerWake = 16

    mutating func acceptClients(_ word: UInt64) {
        let isSecure = word == Worker.secureListenerWord
        for _ in 0..<Worker.acceptsPerWake {
            switch acceptOne(isSecure: isSecure) {
            case .accepted: continue
            case .nothing: return
            case .exhausted:
                // Out of descriptors: the queue stays readable, so look again at the next sweep only.
                for descriptor in [listener, secureListener] where descriptor >= 0 {
                    _ = clinux_epoll_control(epoll, EPOLL_CTL_DEL, descriptor, 0, 0)
                }
                acceptPaused = true
                return
            }
        }
    }

    mutating func resumeAccepting() {
        acceptPaused = false
        watchListeners()
    }

    /// Has epoll say when clients wait.
    func watchListeners() {
        let listeners = [(listener, Worker.listenerWord), (secureListener, Worker.secureListenerWord)]
        for (descriptor, word) in listeners where descriptor >= 0 {
            _ = clinux_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, EPOLLIN.rawValue, word)
        }
    }

    mutating func acceptOne(isSecure: Bool) -> Acceptance {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let descriptor = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                clinux_accept(isSecure ? secureListener : listener, $0, &length)
            }
        }
        guard descriptor >= 0 else {
            switch errno {
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted
            case EINTR, ECONNABORTED, EPROTO: return .accepted  // this one is gone; there may be others
            default: return .nothing
            }
        }
        let meters = isSecure ? secureMeters : plainMeters
        meters.pointee.accepted.add()
        var places: ClientCrowd.Places?
        if let crowd = control.crowd, case let bits = AddressBits(&address), !trails.trusted.contains(bits) {
            places = crowd.enter(bits)
            guard places != nil else {
                meters.pointee.overClientLimit.add()
                turnAway(
                    descriptor, isSecure: isSecure, 429, "client: too many connections from this address")
                return .accepted
            }
        }
        guard let index = clients.take() else {
            if let places { control.crowd?.leave(places) }
            meters.pointee.turnedAway.add()
            turnAway(descriptor, isSecure: isSecure, 503, "proxy: too many connections")
            return .accepted
        }
        let client = clients[index]
        client.initialize(to: Client(descriptor: descriptor, generation: freshGeneration(), meters: meters))
        client.pointee.ready = .writable
        client.pointee.noteAddress(&address)
        if let places {
            client.pointee.crowd = places
            client.pointee.isCounted = true
        }
        noteClient(index, &address)
        clients.deadlines[Int(index)] = now + limits.clientHead
        meters.pointee.open.add()
        if isSecure, !beginSecurely(client) {
            closeClient(index, client)
            return .accepted
        }
        let word = UInt64(client.pointee.generation) << 32 | UInt64(index)
        let interest = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
        if clinux_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, interest, word) != 0 {
            closeClient(index, client)
        }
        return .accepted
    }

    /// Answers without giving the connection a place; a fresh socket's buffer always takes that much.
    private mutating func turnAway(_ descriptor: Int32, isSecure: Bool, _ status: Int, _ text: String) {
        guard !isSecure else {
            _ = close(descriptor)  // an answer would cost a handshake
            return
        }
        var id = RequestID()
        id.make(&trails.randomness)
        let length = Answer.write(
            status, text: text, isHead: false, keepsAlive: false, minorVersion: 1, date: date.text(at: now),
            id: &id, isJSON: false, to: scratch)
        _ = send(descriptor, scratch, length, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
        _ = shutdown(descriptor, Int32(SHUT_WR))
        // What has arrived is read, or close() would reset the connection and the answer with it.
        _ = recv(descriptor, scratch, blocks.dataBytes, Int32(MSG_DONTWAIT))
        _ = close(descriptor)
    }

    /// No block is left for a request or for its answer: the client is told so from the scratch, as far as it takes that
    /// at once.
    @inline(never)
    mutating func refuseForMemory(_ index: Int32, _ client: ClientPointer) {
        client.pointee.meters.pointee.turnedAway.add()
        blame(index, .proxyLimit)
        noteAnswer(index, client, 503)
        let length = Answer.write(
            503, text: "proxy: no memory for the request is left",
            isHead: client.pointee.exchange.method == .head, keepsAlive: false, minorVersion: 1,
            date: date.text(at: now), id: &trails.base[Int(index)].id, isJSON: false, to: scratch)
        countResponse(client, 503)
        _ = transmit(client, scratch, length)
        noteClose(index, client)
        beginLinger(index, client)
    }
}

extension Client {
    /// Writes the peer's address as text: one address, one text, whichever kind of listener it came by.
    mutating func noteAddress(_ storage: inout sockaddr_storage) {
        let bits = AddressBits(&storage)
        addressLength = withUnsafeMutablePointer(to: &address) { text in
            UInt8(bits.write(to: UnsafeMutableRawPointer(text).assumingMemoryBound(to: UInt8.self)))
        }
    }
}
