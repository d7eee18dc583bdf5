import CLinux
import Election
import Glibc
import Linux
import Synchronization

/// The watchdogs of one agent, the service manager's and the machine's, fed on the elector's own thread.
final class Watchdog: Sendable {
    private struct State {
        var manager: WatchdogCore?
        var machine: WatchdogCore?
        var device: Int32 = -1
        var isClosed = false
        var fault: String?
    }

    private let settings: WatchdogSettings?
    private let state: Mutex<State>
    private let notify: @Sendable (String) -> Void
    /// The longest that the elector may sleep; nil where there is nothing to feed.
    let everyMilliseconds: Int64?

    /// The watchdogs that the environment (`WATCHDOG_USEC`, `WATCHDOG_PID`; sd_watchdog_enabled(3)) and the configuration
    /// ask for.
    init(
        _ settings: WatchdogSettings?, environment: (String) -> String?, processID: pid_t = getpid(),
        notify: @escaping @Sendable (String) -> Void
    ) {
        self.settings = settings
        self.notify = notify
        var state = State()
        if let microseconds = environment("WATCHDOG_USEC").flatMap({ Int64($0) }), microseconds > 0,
            environment("WATCHDOG_PID").map({ $0 == "\(processID)" }) ?? true
        {
            state.manager = WatchdogCore(timeoutMilliseconds: microseconds / 1000)
        }
        state.machine = settings.map { WatchdogCore(timeoutMilliseconds: $0.timeoutMilliseconds) }
        everyMilliseconds = [state.manager, state.machine].compactMap { $0?.everyMilliseconds }.min()
        self.state = Mutex(state)
    }

    /// Why the device cannot be had; nil when it can, or need not.
    var fault: String? { state.withLock { $0.fault } }

    /// What the elector is to be given; nil where there is nothing to feed.
    var pulse: ElectorPulse? {
        everyMilliseconds.map { every in
            ElectorPulse(everyMilliseconds: every) { [self] standing, now in beat(standing, at: now) }
        }
    }

    /// Closes the device so that it does not act: the agent ends in good order.
    func close() {
        state.withLock { state in
            state.isClosed = true
            guard state.device >= 0 else { return }
            // "V" is the word before a close that is meant (watchdog-api.rst); without it the machine is reset.
            _ = write(state.device, "V", 1)
            _ = Glibc.close(state.device)
            state.device = -1
        }
    }

    private func beat(_ standing: Standing, at now: Instant) {
        let tells = state.withLock { state in
            if state.machine?.isFed(by: standing, at: now) ?? false { feed(&state) }
            return state.manager?.isFed(by: standing, at: now) ?? false
        }
        if tells { notify("WATCHDOG=1") }
    }

    private func feed(_ state: inout State) {
        guard let settings, !state.isClosed else { return }
        if state.device < 0 {
            state.device = open(settings.device, O_WRONLY | O_CLOEXEC | O_NONBLOCK)
            guard state.device >= 0 else {
                let fault = SystemFault("open", on: settings.device)
                state.fault =
                    "watchdog.device: \(fault); give it to the agent's user, or load the driver (softdog)"
                return
            }
            let seconds = Int32(clamping: settings.timeoutMilliseconds / 1000)
            if clinux_watchdog_timeout(state.device, seconds) != seconds {
                state.fault =
                    "watchdog.device: the driver does not take \(seconds) s; it acts after its own time, see 'wdctl'"
            } else {
                state.fault = nil
            }
        }
        if write(state.device, "\0", 1) != 1 { state.fault = "\(SystemFault("write", on: settings.device))" }
    }
}
