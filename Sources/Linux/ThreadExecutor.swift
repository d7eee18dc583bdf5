import Synchronization

/// A serial executor that is one named thread: actors around blocking C clients live on it, so that a slow
/// call holds up only its own actor and never the cooperative pool.
package final class ThreadExecutor: SerialExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var finished = false
    }

    private let state = Mutex(State())
    private let doorbell: Doorbell

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

    /// Ends the thread when the jobs already queued have run; call it once the actor has no more work.
    package func finish() {
        state.withLock { $0.finished = true }
        doorbell.ring()
    }

    private func run() {
        while true {
            let (jobs, finished) = state.withLock { state in
                defer { state.jobs.removeAll() }
                return (state.jobs, state.finished)
            }
            for job in jobs { job.runSynchronously(on: asUnownedSerialExecutor()) }
            if jobs.isEmpty {
                if finished { return }
                _ = doorbell.wait(milliseconds: -1)
            }
        }
    }
}
