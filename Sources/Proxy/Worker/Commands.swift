import CLinux
import Glibc
import Linux
import Synchronization

/// What a worker does when the control plane speaks.
extension Worker {
    mutating func obey() {
        control.doorbell.silence()
        let commands = control.takeCommands()
        if commands.contains(.renew) { adoptContext() }
        if commands.contains(.open) { startListening() }
        if commands.contains(.absorb) { absorb() }
        if commands.contains(.close) { stopListening() }
        if commands.contains(.release) { letListenerGo() }
        if commands.contains(.drain) { drain() }
        if commands.contains(.farewell) { sayFarewells() }
        if commands.contains(.cut) { cutAll() }
        if commands.contains(.stop) { isStopping = true }
        if waitingCount > 0 { hasVacancy = true }  // another worker may have left a place
    }

    private mutating func startListening() {
        let descriptor = control.takeListener()
        guard descriptor >= 0 else { return }
        if listener >= 0 { _ = close(listener) }
        if secureListener >= 0 { _ = close(secureListener) }
        listener = descriptor
        (secureListener, redirectPort) = control.takeSecureListener()
        isClosing = false
        isDraining = false
        saysFarewell = false
        watchListeners()
        acceptPaused = false
    }

    /// More than any queue holds (`net.core.somaxconn`).
    private static let acceptsAtClose = 65_536

    /// Closing a listener resets what waits in its queue, so the queue is emptied first.
    private mutating func stopListening() {
        beginClosing()
        // Bounded, or clients that connect fast enough would keep the listener open.
        if listener >= 0 {
            for _ in 0..<Worker.acceptsAtClose {
                guard acceptOne(isSecure: false) == .accepted else { break }
            }
            // Another process may hold a copy, and then closing does not take the socket out of the epoll.
            _ = clinux_epoll_control(epoll, EPOLL_CTL_DEL, listener, 0, 0)
            _ = close(listener)
            listener = -1
        }
        if secureListener >= 0 {
            for _ in 0..<Worker.acceptsAtClose { guard acceptOne(isSecure: true) == .accepted else { break } }
            _ = clinux_epoll_control(epoll, EPOLL_CTL_DEL, secureListener, 0, 0)
            _ = close(secureListener)
            secureListener = -1
        }
        acceptPaused = false
        control.confirmClose()
    }

    /// Leaves the listener and its queue to the process that has a copy of it.
    private mutating func letListenerGo() {
        beginClosing()
        if listener >= 0 {
            _ = clinux_epoll_control(epoll, EPOLL_CTL_DEL, listener, 0, 0)
            _ = close(listener)
            listener = -1
        }
        if secureListener >= 0 {
            _ = clinux_epoll_control(epoll, EPOLL_CTL_DEL, secureListener, 0, 0)
            _ = close(secureListener)
            secureListener = -1
        }
        acceptPaused = false
        control.confirmClose()
    }

    /// Accepts what waits at inherited sockets that no worker is to listen at, and closes them.
    private mutating func absorb() {
        let (own, ownSecure) = (listener, secureListener)
        for (surplus, isSecure) in control.takeSurplus() {
            if isSecure { secureListener = surplus } else { listener = surplus }
            for _ in 0..<Worker.acceptsAtClose {
                guard acceptOne(isSecure: isSecure) == .accepted else { break }
            }
            _ = close(surplus)
            (listener, secureListener) = (own, ownSecure)
        }
    }

    private mutating func beginClosing() {
        if !isClosing { closingSince = now }
        isClosing = true
    }

    private mutating func drain() {
        beginClosing()
        isDraining = true
        let soon = now + limits.drainIdle
        for index in 0..<Int32(clients.highWater) where clients[index].pointee.phase == .idle {
            let deadline = clients.deadlines + Int(index)
            deadline.pointee = min(deadline.pointee, soon)
        }
    }

    private mutating func cutAll() {
        for index in 0..<Int32(clients.highWater) {
            let client = clients[index]
            if client.pointee.phase != .free {
                blame(index, .stopped)
                cut(index, client)
            }
        }
    }

    /// Works by the newest table from here on.
    mutating func adoptTable() {
        let newest = board.table
        for slot in 0..<knownSlots {
            servers[slot].isActive = false
            loads[slot].isEligible = false
        }
        for index in 0..<newest.marks.count {
            let mark = newest.marks.base[index]
            let slot = Int(mark.slot)
            if servers[slot].incarnation != mark.incarnation { settle(slot) }
            servers[slot].isActive = mark.isActive
            servers[slot].rampStart = mark.rampStart
            loads[slot].isEligible = mark.isEligible
            loads[slot].share = mark.share
            loads[slot].admission = admission(slot)
            knownSlots = max(knownSlots, slot + 1)
        }
        // A slot below may be one that this worker has never seen in use: tables may be passed over.
        for slot in 0..<knownSlots where !servers[slot].isActive && servers[slot].incarnation != 0 {
            closeIdle(Int32(slot))
        }
        picker.adopt(newest, offset: control.index)
        ring = UnsafePointer(newest.ring.base)
        ringCount = newest.ring.count
        names = UnsafePointer(newest.names.base)
        nameCount = newest.names.count
        if meters.pointee.upgraded.current > 0 { drainUpgrades() }
        generation = newest.generation
        table = newest  // keeps what the pointers point to
        if waitingCount > 0 { hasVacancy = true }
        control.seen.store(generation, ordering: .releasing)
    }

    /// A slot holds another server than before.
    private mutating func settle(_ slot: Int) {
        let place = board.places[slot]
        var server = ServerSlot()
        server.incarnation = place.incarnation
        server.name = place.name
        server.family = place.family
        server.addressLength = place.addressLength
        server.address = place.address
        server.textLength = place.textLength
        server.text = place.text
        servers[slot] = server
        // A request may be between two connections: what it counts it also takes back.
        let inFlight = loads[slot].inFlight
        loads[slot] = ServerLoad()
        loads[slot].inFlight = inFlight
    }

    /// Ends everything; the thread is about to end.
    mutating func end() {
        cutAll()
        for index in 0..<Int32(upstreams.highWater) where upstreams[index].pointee.phase != .free {
            closeUpstream(index)
        }
        if listener >= 0 || secureListener >= 0 { stopListening() }
        endTLS()
        blocks.giveBack(scratch)
        blocks.deallocate()
    }

    /// Ends what has passed its deadline.
    mutating func sweep() {
        lastSweep = now
        if trails.isLogging { trails.writer.nudge() }
        if acceptPaused { resumeAccepting() }
        refreshLoads()
        if limits.total > 0, now - lastOverlong >= Worker.overlongNanoseconds {
            lastOverlong = now
            endOverlong()
        }
        if waitingCount > 0 { hasVacancy = true }
        for index in 0..<clients.highWater where clients.deadlines[index] <= now {
            clientExpired(Int32(index), clients[Int32(index)])
        }
        for index in 0..<upstreams.highWater where upstreams.deadlines[index] <= now {
            closeUpstream(Int32(index))
        }
    }
}
