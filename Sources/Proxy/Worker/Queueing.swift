import Glibc
import HTTP
import Linux
import Synchronization

/// Requests that wait until a server has room: first come, first served, at each worker.
extension Worker {
    /// Lets a request wait, or answers that too many do.
    mutating func enqueue(_ index: Int32, _ client: ClientPointer) -> Int32 {
        guard waitingCount < limits.queueMax else {
            blame(index, .queueFull)
            answer(index, client, 503, "proxy: every server is full, and so is the queue")
            return Worker.waits
        }
        // What became of an earlier attempt is no reason any more.
        blame(index, .none)
        client.pointee.phase = .queued
        client.pointee.queueNext = Slab<Client>.none
        client.pointee.queuePrevious = lastWaiting
        if lastWaiting >= 0 {
            clients[lastWaiting].pointee.queueNext = index
        } else {
            firstWaiting = index
        }
        lastWaiting = index
        waitingCount += 1
        if waitingCount == 1 { control.setWaiting(true, board.signals) }
        meters.pointee.queued.add()
        if !client.pointee.exchange.hasQueued {
            client.pointee.exchange.hasQueued = true
            client.pointee.until = now + limits.queueWait
        }
        clients.deadlines[Int(index)] = client.pointee.until
        // A server may have got room while nobody waited.
        hasVacancy = true
        if client.pointee.ready.contains(.hangup) { waitsOn(index, client) }
        return Worker.waits
    }

    /// Takes a client out of the queue, wherever it stands.
    mutating func unqueue(_ client: ClientPointer) {
        let (previous, next) = (client.pointee.queuePrevious, client.pointee.queueNext)
        if previous >= 0 { clients[previous].pointee.queueNext = next } else { firstWaiting = next }
        if next >= 0 { clients[next].pointee.queuePrevious = previous } else { lastWaiting = previous }
        waitingCount -= 1
        if waitingCount == 0 { control.setWaiting(false, board.signals) }
        meters.pointee.queued.subtract()
        client.pointee.phase = .head
    }

    /// Something came from a client that waits: perhaps it is gone, and gives its place up.
    mutating func queuedIsReady(_ index: Int32, _ client: ClientPointer) {
        if client.pointee.ready.contains(.failed) {
            cut(index, client)
        } else if client.pointee.ready.contains(.hangup) {
            waitsOn(index, client)
        }
    }

    /// A client in the queue has closed: its side only, or all. Only an answer tells, since the kernel of one that has
    /// closed all resets the connection. So it is sent an interim response, which every client of HTTP/1.1 that did
    /// not ask for one passes over (RFC 9110 §15.2.1); to an older one nothing of the kind can be said.
    private mutating func waitsOn(_ index: Int32, _ client: ClientPointer) {
        guard client.pointee.exchange.minorVersion == 1 else {
            client.pointee.exchange.endClient()
            blame(index, .queueFull)
            answer(index, client, 503, "proxy: every server is full, and the client has closed its side")
            return
        }
        guard !client.pointee.exchange.wasProbed else { return }
        client.pointee.exchange.wasProbed = true
        let words: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"
        let count = words.utf8CodeUnitCount
        let sent = transmit(client, words.utf8Start, count)
        if sent == count {
            client.pointee.meters.pointee.bytesToClients.add(UInt64(sent))
            noteOut(index, sent)
        } else if sent >= 0 || errno != EAGAIN || client.pointee.session != nil {
            // Half a word, or half a record of TLS, cannot be followed by an answer.
            cut(index, client)
        }
    }

    /// A request has waited too long.
    mutating func queuedExpired(_ index: Int32, _ client: ClientPointer) {
        meters.pointee.queueTimeouts.add()
        blame(index, .timeoutQueue)
        answer(index, client, 503, "proxy: every server is full; none had room in time")
    }

    /// How many that have been tried before are passed over in one go: each costs a look at all servers.
    private static let passedOverMax = 8

    /// Gives the places that have become free to those who wait, here and at other workers in turns.
    mutating func serveQueue() {
        hasVacancy = false
        let waitElsewhere =
            board.signals.waitingWorkers.load(ordering: .sequentiallyConsistent) > (waitingCount > 0 ? 1 : 0)
        if waitElsewhere {
            yieldsVacancy.toggle()
            if yieldsVacancy || waitingCount == 0 { board.signals.ringWaiting(except: control.index) }
            if yieldsVacancy { return }
        }
        var index = firstWaiting
        var passedOver = 0
        while index >= 0 {
            let client = clients[index]
            let next = client.pointee.queueNext
            defer { index = next }
            if picker.eligible == 0 {
                blame(index, .noServer)
                answer(index, client, 503, "proxy: no server is active")
                continue
            }
            let slot = chooseForWaiting(client)
            guard slot >= 0 else {
                // One that has failed somewhere may have nowhere to go just now, when others have.
                passedOver += 1
                guard client.pointee.exchange.attempts > 0, passedOver < Worker.passedOverMax else { return }
                continue
            }
            unqueue(client)
            dispatch(index, client, reserved: slot)
        }
    }

    /// A place at a server is free again.
    @inline(__always)
    mutating func vacate(_ slot: Int32) {
        guard limits.inFlightMax > 0 else { return }
        board.signals.vacate(Int(slot))
        hasVacancy = true
    }
}
