import Glibc
import HTTP
import Linux

/// Connections to servers between two requests: each server's are a stack, the warmest on top.
extension Worker {
    /// Keeps a connection for the next request, or closes it when the server takes none.
    mutating func park(_ upstream: Int32) {
        let link = upstreams[upstream]
        let server = servers + Int(link.pointee.server)
        guard server.pointee.isActive, server.pointee.idleCount < limits.idlePerServer else {
            closeUpstream(upstream)
            return
        }
        leave(link)
        link.pointee.phase = .idle
        link.pointee.served &+= 1
        link.pointee.previous = Slab<Upstream>.none
        link.pointee.next = server.pointee.firstIdle
        if server.pointee.firstIdle >= 0 { upstreams[server.pointee.firstIdle].pointee.previous = upstream }
        server.pointee.firstIdle = upstream
        server.pointee.idleCount += 1
        link.pointee.parkedAt = now
        upstreams.deadlines[Int(upstream)] = now + server.pointee.idleLimit.keep(limits.serverIdle, at: now)
    }

    /// The warmest idle connection of a server, ready for a request; nil when there is none.
    mutating func takeIdle(_ slot: Int32) -> Int32? {
        let upstream = servers[Int(slot)].firstIdle
        guard upstream >= 0 else { return nil }
        let link = upstreams[upstream]
        unlist(link)
        link.pointee.phase = .active
        link.pointee.parser = .init()
        upstreams.deadlines[Int(upstream)] = .max
        return upstream
    }

    /// True when the warmest idle connection of a server has not rested so long that the server may be about to end it.
    func hasWarm(_ slot: Int32) -> Bool {
        let upstream = servers[Int(slot)].firstIdle
        return upstream >= 0 && now - upstreams[upstream].pointee.parkedAt < limits.rested
    }

    /// A place for a new connection at the cost of an idle one; nil when none is idle. Rare enough to search.
    mutating func takeFromIdle() -> Int32? {
        for index in 0..<Int32(upstreams.highWater) where upstreams[index].pointee.phase == .idle {
            closeUpstream(index)
            return upstreams.take()
        }
        return nil
    }

    /// Closes all idle connections of a server.
    mutating func closeIdle(_ slot: Int32) {
        while servers[Int(slot)].firstIdle >= 0 { closeUpstream(servers[Int(slot)].firstIdle) }
    }

    mutating func closeUpstream(_ upstream: Int32) {
        let link = upstreams[upstream]
        if link.pointee.phase == .idle { unlist(link) }
        leave(link)
        endSession(link)
        _ = close(link.pointee.descriptor)
        link.pointee.phase = .free
        upstreams.giveBack(upstream)
    }

    /// Parts a connection from its client; the request is no longer in flight.
    private mutating func leave(_ link: UpstreamPointer) {
        guard link.pointee.client >= 0 else { return }
        clients[link.pointee.client].pointee.upstream = Slab<Upstream>.none
        link.pointee.client = Slab<Client>.none
        loads[Int(link.pointee.server)].inFlight -= 1
        vacate(link.pointee.server)
        serverMeters[Int(link.pointee.server)].inFlight.subtract()
    }

    private func unlist(_ link: UpstreamPointer) {
        let server = servers + Int(link.pointee.server)
        if link.pointee.previous >= 0 {
            upstreams[link.pointee.previous].pointee.next = link.pointee.next
        } else {
            server.pointee.firstIdle = link.pointee.next
        }
        if link.pointee.next >= 0 { upstreams[link.pointee.next].pointee.previous = link.pointee.previous }
        server.pointee.idleCount -= 1
    }
}
