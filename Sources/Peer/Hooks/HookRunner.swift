import Glibc
import Linux
import Synchronization

/// Runs hooks one after the other on a thread of its own: none is cut short because the next is due.
final class HookRunner: Sendable {
    private struct State {
        var waiting: [HookOrder] = []
        var isRunning = false
        var isEnding = false
        var hasThread = false
    }

    /// Hooks that wait; of more, the oldest are left out and told.
    static let waitingMax = 16

    private let settings: LeadershipHooks
    private let cluster: String
    private let events: EventLog
    private let bell: Doorbell
    private let state = Mutex(State())

    /// A runner at rest; it tells failures as events.
    init(_ settings: LeadershipHooks, cluster: String, events: EventLog) throws(SystemFault) {
        self.settings = settings
        self.cluster = cluster
        self.events = events
        bell = try Doorbell()
    }

    /// Has the order's hook run after those that wait; nothing where none is configured.
    func run(_ order: HookOrder) {
        guard settings.command(for: order.occasion) != nil else { return }
        let (dropped, mustStart) = state.withLock { state -> (HookOrder?, Bool) in
            state.waiting.append(order)
            let dropped = state.waiting.count > HookRunner.waitingMax ? state.waiting.removeFirst() : nil
            defer { state.hasThread = true }
            return (dropped, !state.hasThread)
        }
        if let dropped {
            events.tell(
                "hook.dropped", .error,
                "hooks.\(dropped.occasion.rawValue) was not run: \(HookRunner.waitingMax) later ones wait already",
                ["epoch": "\(dropped.epoch)"])
        }
        if mustStart {
            do throws(SystemFault) {
                try Linux.Thread.start(named: "troop-hooks") { [self] in work() }.detach()
            } catch {
                state.withLock { $0.hasThread = false }
                events.tell("hook.failed", .error, "hooks cannot be run: \(error)")
            }
        }
        bell.ring()
    }

    /// How long one hook may run.
    var timeoutMilliseconds: Int64 { settings.timeoutMilliseconds }

    /// True when nothing runs or waits.
    var isIdle: Bool { state.withLock { $0.waiting.isEmpty && !$0.isRunning } }

    /// Ends the thread once nothing waits any more; returns at once.
    func stop() {
        state.withLock { $0.isEnding = true }
        bell.ring()
    }

    private func work() {
        while true {
            let (order, isOver) = state.withLock { state -> (HookOrder?, Bool) in
                guard !state.waiting.isEmpty else { return (nil, state.isEnding) }
                state.isRunning = true
                return (state.waiting.removeFirst(), false)
            }
            if isOver { return }
            guard let order, let command = settings.command(for: order.occasion) else {
                _ = bell.wait(milliseconds: -1)
                continue
            }
            let began = Instant.now()
            let end = HookProcess.run(
                command, order.environment(cluster: cluster), within: settings.timeoutMilliseconds)
            tell(order, end, milliseconds: Instant.now().milliseconds(since: began))
            state.withLock { $0.isRunning = false }
        }
    }

    private func tell(_ order: HookOrder, _ end: HookProcess.End, milliseconds: Int64) {
        let name = "hooks.\(order.occasion.rawValue)"
        let details = ["epoch": "\(order.epoch)", "took_ms": "\(milliseconds)"]
        switch end {
        case .done: events.tell("hook.done", .info, "\(name) ended well", details)
        case .unstartable(let why):
            events.tell("hook.failed", .error, "\(name) cannot be started: \(why)", details)
        case .failed(let how, let tail):
            events.tell("hook.failed", .error, "\(name) failed, \(how): \(tail)", details)
        case .late(let tail):
            let limit = "\(settings.timeoutMilliseconds) ms"
            events.tell(
                "hook.failed", .error,
                "\(name) was ended, it took longer than hooks.timeout (\(limit)): \(tail)",
                details)
        }
    }
}
