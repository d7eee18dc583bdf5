import Linux

extension Proxy {
    /// What has been counted so far, all workers together.
    package func snapshot() -> ProxySnapshot {
        let now = Instant.now().nanoseconds
        var listener = ProxySnapshot.Listener(address: address)
        for worker in workers {
            listener.plain.add(worker.meters.plain)
            listener.secure.add(worker.meters.secure)
            listener.add(worker.meters.exchanges)
        }
        listener.logLost = log?.lost.current ?? 0
        let servers = board.standings().map { snapshot(of: $0.entry, $0.standing, at: now) }
        return ProxySnapshot(servers: servers, listener: listener)
    }

    private func snapshot(of entry: RoutingTable.Entry, _ standing: Standing, at now: Int64)
        -> ProxySnapshot.Server
    {
        var counts = LatencyWindow.noCounts
        var durations = DurationHistogram.noCounts
        var requests: UInt64 = 0
        var errors: UInt64 = 0
        var responses5xx: UInt64 = 0
        var connects: UInt64 = 0
        var inFlight: UInt64 = 0
        var retries: UInt64 = 0
        for worker in workers {
            let meters = worker.meters.servers + entry.slot
            requests += meters.pointee.requests.current
            errors += meters.pointee.failures.current
            responses5xx += meters.pointee.responses5xx.current
            connects += meters.pointee.connects.current
            retries += meters.pointee.retries.current
            inFlight += meters.pointee.inFlight.current
            worker.meters.latency(entry.slot).add(to: &counts, at: now)
            worker.meters.duration(entry.slot).add(to: &durations)
        }
        let drainEnd = standing.drainingSince + settings.balancing.drainMilliseconds * 1_000_000
        let (pressure, age) = board.signals.pressure(entry.slot, at: now)
        return ProxySnapshot.Server(
            server: entry.server, rank: standing.rating(at: now), ejectedUntil: standing.ejection.until,
            pressure: board.signals.hasPressure(entry.slot)
                ? Double(pressure * Decay.share(after: age, halfLife: Pressure.halfLife)) : nil,
            isDrained: entry.server.state != .active && (inFlight == 0 || now >= drainEnd),
            requests: requests, retries: retries, errors: errors, responses5xx: responses5xx,
            connects: connects, inFlight: Int(truncatingIfNeeded: inFlight),
            p50: LatencyWindow.percentile(0.5, of: counts), p90: LatencyWindow.percentile(0.9, of: counts),
            p99: LatencyWindow.percentile(0.99, of: counts), durations: durations)
    }
}

extension ProxySnapshot.Listener {
    fileprivate mutating func add(_ meters: UnsafePointer<ExchangeMeters>) {
        meters.pointee.responseFaults.add(to: &responseFaults)
        retries += meters.pointee.retries.current
        staleRetries += meters.pointee.staleRetries.current
        retriesDenied += meters.pointee.retriesDenied.current
        queued += Int(truncatingIfNeeded: meters.pointee.queued.current)
        queueTimeouts += meters.pointee.queueTimeouts.current
        cut += meters.pointee.cut.current
        logDropped += meters.pointee.logDropped.current
        upgrades += meters.pointee.upgrades.current
        upgraded += Int(truncatingIfNeeded: meters.pointee.upgraded.current)
    }
}
