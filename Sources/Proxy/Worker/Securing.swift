import CLinux
import COpenSSL
import Glibc
import HTTP
import Linux

/// Reading and writing with or without TLS, and the handshakes before.
///
/// Without TLS each of the four costs one branch more than the system call.
extension Worker {
    /// As recv(2); clears `.readable` when nothing more is here now.
    @inline(__always)
    func receive(_ client: ClientPointer, _ bytes: UnsafeMutablePointer<UInt8>, _ room: Int) -> Int {
        guard let session = client.pointee.session else {
            let count = clinux_receive(client.pointee.descriptor, bytes, room, 0)
            if count > 0, count < room, !client.pointee.ready.contains(.hangup) {
                client.pointee.ready.remove(.readable)
            }
            return count
        }
        return SecureSession.receive(session, &client.pointee.ready, bytes, room)
    }

    /// As send(2); fewer bytes than `count` only when no more fit now.
    @inline(__always)
    func transmit(_ client: ClientPointer, _ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int {
        guard let session = client.pointee.session else {
            return clinux_send(client.pointee.descriptor, bytes, count, Int32(MSG_NOSIGNAL))
        }
        return SecureSession.transmit(session, bytes, count)
    }

    /// As recv(2); clears `.readable` when nothing more is here now.
    @inline(__always)
    func receive(_ link: UpstreamPointer, _ bytes: UnsafeMutablePointer<UInt8>, _ room: Int) -> Int {
        guard let session = link.pointee.session else {
            let count = clinux_receive(link.pointee.descriptor, bytes, room, 0)
            if count > 0, count < room, !link.pointee.ready.contains(.hangup) {
                link.pointee.ready.remove(.readable)
            }
            return count
        }
        return SecureSession.receive(session, &link.pointee.ready, bytes, room)
    }

    /// As send(2); fewer bytes than `count` only when no more fit now.
    @inline(__always)
    func transmit(_ link: UpstreamPointer, _ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int {
        guard let session = link.pointee.session else {
            return clinux_send(link.pointee.descriptor, bytes, count, Int32(MSG_NOSIGNAL))
        }
        return SecureSession.transmit(session, bytes, count)
    }

    /// True when a connection to a server has no byte and no end waiting.
    @inline(__always)
    func isQuiet(_ link: UpstreamPointer) -> Bool {
        if let session = link.pointee.session { return SecureSession.isQuiet(session, &link.pointee.ready) }
        var byte: UInt8 = 0
        return recv(link.pointee.descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) < 0 && errno == EAGAIN
    }

    // MARK: Clients

    /// Begins TLS with a new client; false when that cannot be done.
    @inline(never)
    mutating func beginSecurely(_ client: ClientPointer) -> Bool {
        guard let context = secureContext,
            let session = SecureSession.open(context, client.pointee.descriptor, accepts: true)
        else { return false }
        client.pointee.session = session
        client.pointee.phase = .securing
        return true
    }

    /// Goes on with a client's handshake, and with its first request when that is done.
    @inline(never)
    mutating func secure(_ index: Int32, _ client: ClientPointer) {
        guard let session = client.pointee.session else { return }
        switch SecureSession.handshake(session, &client.pointee.ready) {
        case .blocked: return
        case .done:
            let meters = client.pointee.meters
            meters.pointee.handshakes.add()
            if copenssl_is_resumed(session.pointee.ssl) == 1 { meters.pointee.handshakesResumed.add() }
            client.pointee.phase = .idle
            clients.deadlines[Int(index)] = now + limits.clientHead
            // What came behind the handshake's last bytes is in libssl already.
            client.pointee.ready.insert(.readable)
            clientIsReady(index, client)
        case .failed:
            if session.pointee.looksPlain {
                answerPlain(index, client, session)
            } else {
                countFailure(client, session)
                closeClient(index, client)
            }
        }
    }

    private func countFailure(_ client: ClientPointer, _ session: SecureSession.Pointer) {
        let code = ERR_peek_error()
        ERR_clear_error()
        if code == 0 || session.pointee.isAtEnd {
            client.pointee.meters.pointee.handshakesAbandoned.add()
        } else {
            client.pointee.meters.pointee.handshakesRefused.add()
        }
    }

    /// A client spoke HTTP where TLS is spoken: it is told so in its own language.
    private mutating func answerPlain(
        _ index: Int32, _ client: ClientPointer, _ session: SecureSession.Pointer
    ) {
        ERR_clear_error()
        client.pointee.meters.pointee.handshakesPlain.add()
        SecureSession.free(session)
        client.pointee.session = nil
        client.pointee.exchange = Exchange(RequestHead())
        client.pointee.exchange.endClient()
        answer(index, client, 400, "client: this port speaks TLS; use https")
    }

    /// Ends the handshake of a client that took too long.
    mutating func handshakeExpired(_ index: Int32, _ client: ClientPointer) {
        client.pointee.meters.pointee.handshakesAbandoned.add()
        client.pointee.session?.pointee.breakOff()
        closeClient(index, client)
    }

    /// Tells a TLS client that nothing more comes.
    @inline(__always)
    func sayGoodbye(_ client: ClientPointer) {
        if let session = client.pointee.session { SecureSession.sayGoodbye(session) }
    }

    /// Ends TLS with a client whose socket is about to be closed.
    @inline(__always)
    func endSession(_ client: ClientPointer) {
        guard let session = client.pointee.session else { return }
        SecureSession.sayGoodbye(session)
        SecureSession.free(session)
        client.pointee.session = nil
    }

    /// Works with the newest certificates from here on; connections keep what they began with.
    mutating func adoptContext() {
        guard let context = control.takeContext() else { return }
        if let old = secureContext { SSL_CTX_free(old) }
        secureContext = context
    }

    // MARK: Redirection

    /// Sends a client of the plain listener to the TLS one.
    @inline(never)
    mutating func redirect(_ index: Int32, _ client: ClientPointer) {
        guard let block = client.pointee.up.block, let down = blocks.take() else {
            closeClient(index, client)
            return
        }
        let head = client.pointee.parser.head
        let base = block + Int(client.pointee.up.start)
        guard let host = head.host, host.count > 0 else {
            blocks.giveBack(down)
            answer(index, client, 400, "client: https is required, and no host to go to was named")
            return
        }
        let exchange = client.pointee.exchange
        let keepsAlive =
            exchange.clientKeepsAlive && exchange.requestBody.isDone && (!isClosing || hasNext(client))
        // 301 lets clients turn a POST into a GET (RFC 9110 §15.4.2); HTTP/1.0 knows no 308.
        let status = exchange.minorVersion == 0 ? 301 : 308
        var writer = HeadWriter(down, capacity: blocks.dataBytes)
        writer.append("HTTP/1.1 ")
        writer.append(decimal: status)
        writer.append(status == 301 ? " Moved Permanently" : " Permanent Redirect")
        writer.append("\r\nLocation: https://")
        writer.append(base + host.start, Worker.nameLength(base + host.start, host.count))
        if redirectPort != 443 {
            writer.append(":")
            writer.append(decimal: Int(redirectPort))
        }
        if head.target.count == 0 || head.lacksSlash || base[head.target.start] == UInt8(ascii: "*") {
            writer.append("/")
        }
        if head.target.count > 0, base[head.target.start] != UInt8(ascii: "*") {
            writer.append(head.target, of: base)
        }
        writer.append("\r\nContent-Length: 0\r\n")
        writer.append(date.text(at: now), DateLine.length)
        // Only an id that requests get anyway: unlike an error page, a redirection is nothing to look up.
        let trail = trails.base + Int(index)
        RequestID.withLine(of: &trail.pointee.id) { writer.append($0, trail.pointee.id.lineCount) }
        if !keepsAlive {
            writer.append("Connection: close\r\n")
        } else if exchange.minorVersion == 0 {
            writer.append("Connection: keep-alive\r\n")
        }
        writer.append("\r\n")
        guard !writer.overflowed else {
            blocks.giveBack(down)
            answer(index, client, 414, "client: the target is too long to be redirected")
            return
        }
        noteAnswer(index, client, status)
        countResponse(client, status)
        client.pointee.down = Client.Bytes(block: down, start: 0, end: Int32(writer.count))
        client.pointee.closesAfterAnswer = !keepsAlive
        client.pointee.phase = .answering
        clients.deadlines[Int(index)] = now + limits.responseBody
        sendAnswer(index, client)
    }

    /// The length of a host without its port.
    private static func nameLength(_ host: UnsafePointer<UInt8>, _ count: Int) -> Int {
        var index = count
        while index > 0, host[index - 1] &- UInt8(ascii: "0") < 10 { index -= 1 }
        return index > 1 && host[index - 1] == UInt8(ascii: ":") ? index - 1 : count
    }

    // MARK: Servers

    /// A connection to a server stands: the request goes out, after a handshake where TLS is spoken.
    @inline(__always)
    mutating func serverIsConnected(_ index: Int32, _ client: ClientPointer, _ link: UpstreamPointer) {
        guard serverContext == nil else {
            beginSecurely(index, client, link)
            return
        }
        link.pointee.phase = .active
        sendRequest(index, client, link)
    }

    @inline(never)
    private mutating func beginSecurely(_ index: Int32, _ client: ClientPointer, _ link: UpstreamPointer) {
        let server = servers + Int(link.pointee.server)
        let session = withUnsafePointer(to: &server.pointee.address) {
            serverContext?.open(link.pointee.descriptor, family: server.pointee.family, address: $0)
        }
        guard let session else {
            lose(index, client, .handshakeFailed(verdict: 0))
            return
        }
        link.pointee.session = session
        link.pointee.phase = .securing
        secureServer(link)
    }

    /// Goes on with the handshake with a server, for which there is as much time as for the connection.
    @inline(never)
    mutating func secureServer(_ link: UpstreamPointer) {
        guard let session = link.pointee.session else { return }
        let index = link.pointee.client
        switch SecureSession.handshake(session, &link.pointee.ready) {
        case .blocked: return
        case .done:
            link.pointee.phase = .active
            // What came behind the handshake's last bytes is in libssl already.
            link.pointee.ready.insert(.readable)
            sendRequest(index, clients[index], link)
        case .failed:
            lose(index, clients[index], .handshakeFailed(verdict: ServerContext.verdict(of: session)))
        }
    }

    /// Ends TLS with a server whose socket is about to be closed.
    @inline(__always)
    func endSession(_ link: UpstreamPointer) {
        guard let session = link.pointee.session else { return }
        SecureSession.sayGoodbye(session)
        SecureSession.free(session)
        link.pointee.session = nil
    }

    /// Gives back what TLS needs; no connection is left.
    mutating func endTLS() {
        if let context = secureContext { SSL_CTX_free(context) }
        secureContext = nil
    }
}
