import Glibc
import HTTP
import Linux
import Synchronization

/// Which server gets a request, and what is learnt of servers on the way.
extension Worker {
    /// The choice when the request waits for a server with room.
    static let waits: Int32 = -2

    /// How often loads are brought up to date.
    private static let refreshNanoseconds: Int64 = 500_000_000
    /// How long a server that refused a connect is passed over; by then a table without it is there.
    private static let shunNanoseconds: Int64 = 1_000_000_000

    /// The server for the next attempt: a slot, −1 when there is none, or `waits`.
    @inline(__always)
    mutating func choose(_ index: Int32, _ client: ClientPointer) -> Int32 {
        if limits.choosesFreely, client.pointee.exchange.attempts == 0,
            !client.pointee.exchange.repeatsServer
        {
            return picker.pick()
        }
        return chooseCarefully(index, client)
    }

    private mutating func chooseCarefully(_ index: Int32, _ client: ClientPointer) -> Int32 {
        let isFirst = client.pointee.exchange.attempts == 0
        // Nobody overtakes those who wait already.
        if isFirst, waitingCount > 0, !client.pointee.exchange.repeatsServer {
            // Whatever server it gets, the client's cookie is put right only where it is wrong.
            if limits.stickiness == .cookie { _ = slotOfCookie(client) }
            return enqueue(index, client)
        }
        let slot = prefer(client)
        guard limits.inFlightMax > 0, slot >= 0 else { return slot }
        if board.signals.occupy(Int(slot), limit: limits.inFlightMax) { return slot }
        let other = chooseWithRoom(client)
        return other >= 0 ? other : enqueue(index, client)
    }

    /// The server that the request would go to if all had room.
    private mutating func prefer(_ client: ClientPointer) -> Int32 {
        if client.pointee.exchange.repeatsServer { return client.pointee.exchange.lastTried }
        if client.pointee.exchange.attempts > 0 {
            return picker.pickOther { client.pointee.exchange.mayTry($0) }
        }
        switch limits.stickiness {
        case .none: break
        case .cookie:
            let slot = slotOfCookie(client)
            if slot >= 0 { return slot }
        case .address:
            let slot = slotOfAddress(client)
            if slot >= 0 { return slot }
        }
        return picker.pick()
    }

    /// Takes a place at any server that has one and was not tried; −1 when all are full.
    private mutating func chooseWithRoom(_ client: ClientPointer) -> Int32 {
        takePlace { client.pointee.exchange.mayTry($0) }
    }

    /// Takes a place at any server that has one and `isFit` accepts; −1 when there is none. One that has just refused has
    /// room enough, but nobody is there: who would go to it waits better for another.
    private mutating func takePlace(_ isFit: (Int32) -> Bool) -> Int32 {
        let signals = board.signals
        let limit = limits.inFlightMax
        let (loads, servers, now) = (loads, servers, now)
        while true {
            let slot = picker.pickOther {
                loads[Int($0)].isEligible && signals.occupied(Int($0)) < Int(limit)
                    && servers[Int($0)].shunnedUntil <= now && isFit($0)
            }
            // Another worker may have been quicker.
            if slot < 0 || signals.occupy(Int(slot), limit: limit) { return slot }
        }
    }

    /// The same for one that waits already: where it has tried all that take requests, some of them may be well again.
    mutating func chooseForWaiting(_ client: ClientPointer) -> Int32 {
        let slot = chooseWithRoom(client)
        guard slot < 0, client.pointee.exchange.attempts > 0 else { return slot }
        let loads = loads
        let untried = picker.pickOther {
            loads[Int($0)].isEligible && client.pointee.exchange.mayTry($0)
        }
        return untried < 0 ? takePlace { _ in true } : slot
    }

    /// True when an attempt at another server could be made.
    mutating func hasUntried(_ client: ClientPointer) -> Bool {
        picker.pickOther { client.pointee.exchange.mayTry($0) } >= 0
    }

    // MARK: What is learnt

    /// The head of a server's answer is here, `nanoseconds` after the request was sent.
    @inline(__always)
    mutating func noteHead(_ server: Int, nanoseconds: Int64, status: Int) {
        // An error is often quick: its time must not draw requests to the server.
        if status < 500 {
            loads[server].note(latency: Float(nanoseconds))
        } else if limits.counts5xx {
            serverMeters[server].heldAgainst.add()
            serverMeters[server].streak.add()
        }
    }

    /// A server's answer has been passed on whole. Only now it speaks for the server: one that breaks its answers off
    /// has begun them well.
    @inline(__always)
    func noteWhole(_ server: Int, status: Int) {
        if status >= 500, limits.counts5xx { return }
        serverMeters[server].answered.add()
        if serverMeters[server].streak.current != 0 { serverMeters[server].streak.clear() }
    }

    func noteFailure(_ server: Int) {
        serverMeters[server].failures.add()
        serverMeters[server].streak.add()
    }

    /// What the loss of a server says of it.
    mutating func noteLoss(_ slot: Int32, _ loss: ServerLoss) {
        let server = Int(slot)
        noteFailure(server)
        switch loss {
        case .connectFailed(let code) where Worker.meansNobody(code):
            loads[server].admission = 0
            servers[server].shunnedUntil = now + Worker.shunNanoseconds
            serverMeters[server].refusals.add()
            control.reportRefusal()
        case .connectTimeout: loads[server].note(latency: Float(limits.connect))
        case .silent: loads[server].note(latency: Float(limits.firstByte))
        case .connectFailed, .connectImpossible, .handshakeFailed, .closed, .malformed, .brokenOff: break
        }
    }

    /// True for the errors of a connect that say that nobody is at the address.
    private static func meansNobody(_ code: Int32) -> Bool {
        code == ECONNREFUSED || code == EHOSTUNREACH || code == ENETUNREACH
    }

    /// Brings what picks read up to date: latencies age, slow starts and pressures go on.
    mutating func refreshLoads() {
        let elapsed = now - lastRefresh
        guard elapsed >= Worker.refreshNanoseconds else { return }
        lastRefresh = now
        retryBudget.note(requests: requestCount, at: now)
        let version = board.signals.pressureVersion.load(ordering: .acquiring)
        if version != pressureVersion {
            pressureVersion = version
            pressureUntil = now + 8 * Pressure.halfLife
        }
        let hasPressure = now < pressureUntil
        var sum: Float = 0
        var heard: Float = 0
        // Of those that left nothing grows old, and what is known of them says nothing of the others.
        for slot in 0..<knownSlots where servers[slot].isActive && loads[slot].wasHeard {
            sum += loads[slot].latency
            heard += 1
        }
        if heard > 0 { meanLatency = sum / heard }
        for slot in 0..<knownSlots where servers[slot].isActive {
            if hasPressure {
                let (value, age) = board.signals.pressure(slot, at: now)
                loads[slot].penalty = Pressure.penalty(value, age: age)
            } else {
                loads[slot].penalty = 1
            }
            loads[slot].age(nanoseconds: elapsed, mean: meanLatency)
            if loads[slot].admission < 1 { loads[slot].admission = admission(slot) }
        }
    }

    /// The probability that a pick stays with a server.
    func admission(_ slot: Int) -> Float {
        if servers[slot].shunnedUntil > now { return 0 }
        return SlowStart.share(start: servers[slot].rampStart, length: limits.slowStart, at: now)
    }

    /// A server has closed an idle connection: twice after the same time means that this is its limit, and
    /// connections are then kept for less.
    mutating func noteIdleEnd(_ link: UpstreamPointer) {
        servers[Int(link.pointee.server)].idleLimit.note(kept: now - link.pointee.parkedAt, at: now)
    }
}
