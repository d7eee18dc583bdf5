import CLinux
import Glibc
import Linux
import Synchronization

/// What a worker does when the control plane speaks.
extension Worker {
    mutating func obey() {
        control.doorbell.silence()
        let commands = control.takeCommands()
        if commands.contains(.open) { startListening() }
        if commands.contains(.absorb) { absorb() }
        if commands.contains(.close) { stopListening() }
        if commands.contains(.release) { letListenerGo() }
        if commands.contains(.drain) { drain() }
        if commands.contains(.cut) { cutAll() }
        if commands.contains(.stop) { isStopping = true }
    }

    private mutating func startListening() {
        let descriptor = control.takeListener()
        guard descriptor >= 0 else { return }
        if listener >= 0 { _ = close(listener) }
        listener = descriptor
        isClosing = false
        isDraining = false
        _ = clinux_epoll_control(epoll, EPOLL_CTL_ADD, listener, EPOLLIN.rawValue, Worker.listenerWord)
        acceptPaused = false
    }

    /// More than any queue holds (`net.core.somaxconn`).
    private static let acceptsAtClose = 65_536

    /// Closing a listener resets what waits in its queue, so the queue is emptied first.
    private mutating func stopListening() {
        isClosing = true
        if listener >= 0 {
            // Bounded, or clients that connect fast enough would keep the listener open.
            for _ in 0..<Worker.acceptsAtClose { guard acceptOne() == .accepted else { break } }
            // Another process may hold a copy, and then closing does not take the socket out of the epoll.
            _ = clinux_epoll_control(epoll, EPOLL_CTL_DEL, listener, 0, 0)
            _ = close(listener)
            listener = -1
            acceptPaused = false
        }
        control.confirmClose()
    }

    /// Leaves the listener and its queue to the process that has a copy of it.
    private mutating func letListenerGo() {
        isClosing = true
        if listener >= 0 {
            _ = clinux_epoll_control(epoll, EPOLL_CTL_DEL, listener, 0, 0)
            _ = close(listener)
            listener = -1
            acceptPaused = false
        }
        control.confirmClose()
    }

    /// Accepts what waits at inherited sockets that no worker is to listen at, and closes them.
    private mutating func absorb() {
        let own = listener
        for surplus in control.takeSurplus() {
            listener = surplus
            for _ in 0..<Worker.acceptsAtClose { guard acceptOne() == .accepted else { break } }
            _ = close(surplus)
        }
        listener = own
    }

    private mutating func drain() {
        isClosing = true
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
            if client.pointee.phase != .free { cut(index, client) }
        }
    }

    /// Works by the newest table from here on.
    mutating func adoptTable() {
        let table = board.table
        for slot in 0..<knownSlots { servers[slot].isActive = false }
        for entry in table.entries {
            let server = servers + entry.slot
            server.pointee.describe(entry.server.address)
            server.pointee.isActive = entry.server.state == .active
            knownSlots = max(knownSlots, entry.slot + 1)
        }
        for slot in 0..<knownSlots where !servers[slot].isActive { closeIdle(Int32(slot)) }
        order.deallocate()
        orderCount = table.order.count
        order = .allocate(capacity: max(1, orderCount))
        for (index, slot) in table.order.enumerated() { order[index] = slot }
        // Workers start at different places, so that they do not all turn to one server at a time.
        cursor = orderCount == 0 ? 0 : (cursor + control.index) % orderCount
        generation = table.generation
        control.seen.store(generation, ordering: .releasing)
    }

    /// Ends everything; the thread is about to end.
    mutating func end() {
        cutAll()
        for index in 0..<Int32(upstreams.highWater) where upstreams[index].pointee.phase != .free {
            closeUpstream(index)
        }
        if listener >= 0 { stopListening() }
        blocks.giveBack(scratch)
        blocks.deallocate()
    }

    /// Ends what has passed its deadline.
    mutating func sweep() {
        lastSweep = now
        if acceptPaused { resumeAccepting() }
        for index in 0..<clients.highWater where clients.deadlines[index] <= now {
            clientExpired(Int32(index), clients[Int32(index)])
        }
        for index in 0..<upstreams.highWater where upstreams.deadlines[index] <= now {
            closeUpstream(Int32(index))
        }
    }
}

extension ServerSlot {
    /// Takes the address over; for another address than before the slot is as new.
    mutating func describe(_ socket: SocketAddress) {
        var slot = ServerSlot()
        slot.family = socket.family
        socket.withSockaddr { pointer, length in
            slot.addressLength = length
            withUnsafeMutableBytes(of: &slot.address) {
                $0.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: min(Int(length), $0.count)))
            }
        }
        for byte in socket.description.utf8 where Int(slot.textLength) < ServerSlot.textBytes {
            slot.text[Int(slot.textLength)] = byte
            slot.textLength += 1
        }
        if isKnown {
            slot.firstIdle = firstIdle
            slot.idleCount = idleCount
            slot.inFlight = inFlight
        }
        slot.isKnown = true
        self = slot
    }
}
