import Glibc
import Synchronization

/// A serial executor that is one named thread: actors around blocking C clients live on it, so that a slow
/// call holds up only its own actor and never the cooperative pool.
///
/// It can also keep a pace: a body run at steady intervals on the same thread, which costs one wake-up of one
/// thread where a sleeping task would cost several.
package final class ThreadExecutor: SerialExecutor {
    fileprivate struct Pace {
        var intervalMilliseconds: Int64
        var next: Instant
        var body: @Sendable () -> Void
    }

    private struct State {
        var jobs: [UnownedJob] = []
        var pace: Pace?
        var finished = false
    }

    private let state = Mutex(State())
    private let doorbell: Doorbell
    /// The thread's id, once it runs.
    private let threadID = Atomic<UInt>(0)

    /// Starts the thread; throws at the limits of threads or descriptors.
    package init(named name: String) throws(SystemFault) {
        doorbell = try Doorbell()
        let thread = try Thread.start(named: name) { [self] in run() }
        thread.detach()
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        state.withLock { $0.jobs.append(unowned) }
        doorbell.ring()
    }

    package func checkIsolated() {
        precondition(
            threadID.load(ordering: .acquiring) == UInt(pthread_self()),
            "called from another thread than the actor's")
    }

    /// Runs `body` on the thread now and at every interval, until `finish` or the next call. A turn that falls
    /// into a stall is skipped, not made up for.
    package func keepPace(everyMilliseconds interval: Int64, _ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.pace = Pace(intervalMilliseconds: interval, next: .now(), body: body) }
        doorbell.ring()
    }

    /// Ends the pace, and the thread when the jobs already queued have run; call it once the actor has no more
    /// work.
    package func finish() {
        state.withLock { state in
            state.pace = nil
            state.finished = true
        }
        doorbell.ring()
    }

    private func run() {
        threadID.store(UInt(pthread_self()), ordering: .releasing)
        while true {
            let now = Instant.now()
            let (jobs, turn, finished) = state.withLock { state in
                let jobs = state.jobs
                state.jobs.removeAll()
                return (jobs, state.pace?.turn(at: now), state.finished)
            }
            for job in jobs { job.runSynchronously(on: asUnownedSerialExecutor()) }
            turn?()
            if !jobs.isEmpty || turn != nil { continue }
            if finished { return }
            _ = doorbell.wait(milliseconds: untilNextTurn())
        }
    }

    private func untilNextTurn() -> Int32 {
        guard let next = state.withLock({ $0.pace?.next }) else { return -1 }
        let left = next.nanoseconds - Instant.now().nanoseconds
        return Int32(clamping: max(0, (left + 999_999) / 1_000_000))
    }
}

extension ThreadExecutor.Pace {
    /// The body when its turn has come; the next turn is then set.
    fileprivate mutating func turn(at now: Instant) -> (@Sendable () -> Void)? {
        guard next <= now else { return nil }
        next = max(next.advanced(milliseconds: intervalMilliseconds), now)
        return body
    }
}
