import Election
import Glibc
import Linux
import Logging
import Metrics
import Proxy
import Remediation
import Store

/// The order in which an agent stops: the lease, the listener, open connections, the rest.
extension Agent {
    /// How long a leader that stops waits for its successor before it closes its listener, in milliseconds.
    private static let successorMilliseconds: Int64 = 500
    /// How long connections may go on after the listener was closed, in milliseconds.
    private static let drainMilliseconds: Int64 = 10_000
    /// How long API clients that asked nothing yet may do so once a successor answers, in milliseconds.
    private static let doorMilliseconds: Int64 = 1000

    /// How long the disk may take for what is to be kept, in milliseconds.
    private static let diskMilliseconds: Int64 = 1000

    /// Hands the lease over first, so that the next leader serves while this one still drains.
    func wind(down reason: String) async {
        await parts.duties.beginEnding()
        let wasLeader = parts.elector.isLeader(at: .now())
        // Before any word: a log that is not read must not hold the lease.
        parts.elector.resign(reason: reason)
        ServiceManager.notify("STOPPING=1")
        log.notice("stopping", metadata: ["leader": "\(wasLeader)"])
        parts.events.tell(
            "agent.stopped", .notice, "the agent of host \(configuration.host.name) stops: \(reason)")
        if wasLeader { await awaitSuccessor() }
        let wasListening = await parts.duties.close()
        // A follower that led a moment ago may have exchanges under way as well.
        let cut = await parts.proxy.drain(
            until: Instant.now().advanced(milliseconds: Agent.drainMilliseconds))
        if wasListening || cut > 0 {
            log.notice("proxy closed", metadata: ["connections_cut": "\(cut)"])
        }
        await parts.reporter.leave()
        await parts.events.flush()
    }

    /// Finishes what is open after a successor has taken over the sockets, the lease and the name.
    ///
    /// Long answers, upgraded connections and those that rest have their time, for nobody waits for this agent any more; but
    /// what it says of the troop grows old, and the watchdog's device is the successor's.
    func finish() async {
        parts.incumbency.closeWatchdog()
        await parts.api.drain(until: Instant.now().advanced(milliseconds: Agent.doorMilliseconds))
        parts.api.stop()
        let cut = await parts.proxy.drain(
            until: Instant.now().advanced(milliseconds: configuration.proxy.handoverDrainMilliseconds),
            .keepsItsTime)
        log.notice("the new agent serves; this one ends", metadata: ["connections_cut": "\(cut)"])
    }

    private func awaitSuccessor() async {
        let deadline = Instant.now().advanced(milliseconds: Agent.successorMilliseconds)
        while Instant.now() < deadline {
            if let reply = try? await parts.store.call(Command("GET", parts.keys.lease)),
                let token = reply.text,
                let lease = Lease(token: token), lease.host != configuration.host.name
            {
                log.info("successor leads", metadata: ["leader": "\(lease.host)", "epoch": "\(lease.epoch)"])
                return
            }
            try? await Task.sleep(for: .milliseconds(10))
        }
    }

    /// What was to be kept is kept, unless the disk hangs.
    private func awaitDisk() async {
        let deadline = Instant.now().advanced(milliseconds: Agent.diskMilliseconds)
        while !parts.folder.writer.isIdle, Instant.now() < deadline {
            _ = await ControlLine.blocking(named: "troop-state-end") { usleep(2000) }
        }
    }

    /// Ends what is left; the agent was told to stop at that instant.
    func end(_ office: Task<Void, Never>, _ states: Task<Void, Never>, stoppingSince began: Instant) async {
        parts.elector.stop()
        // Nobody feeds it from here on, and a hook may take its time. A successor opens the device when it is free.
        parts.incumbency.closeWatchdog()
        parts.changesEnd.finish()
        parts.officeChangesEnd.finish()
        await office.value
        await parts.incumbency.close(stoppingSince: began)
        await parts.events.flush()
        parts.masterWatch?.stop()
        parts.subscription.stop()
        parts.ownChecker?.stop()
        parts.router.stop()
        parts.proxy.stop()
        parts.api.stop()
        parts.hostWatch.stop()
        parts.notifier?.stop()
        await parts.store.close()
        parts.storeStatesEnd.finish()
        await states.value
        await awaitDisk()
        log.notice("agent stopped")
    }
}
