package import Linux
package import Store
import Synchronization

/// Runs the election for one agent: a thread and a connection of its own, so that nothing else can delay a renewal.
///
/// The thread may be held up in a call for a command timeout, and a loaded host may not run it at all; therefore
/// readers judge the deadline themselves, by `isLeader(at:)` and `token(at:)`.
package final class Elector: Sendable {
    private struct Mailbox {
        var events: [LeaseCore.Event] = []
        var stop: Stop?
        var bell: Doorbell?
        var thread: Linux.Thread?
    }

    private enum Stop { case releasing, leaving }

    private struct View {
        var standing: Standing = .follower(leader: nil)
        var highestEpoch: Int64
        var doorFault: String?
        var isWatching = false
    }

    /// Hints that wait are all alike: one is enough.
    private static let mailboxMax = 64

    private let settings: ElectionSettings
    private let store: StoreSettings
    private let keys: Keys
    private let door: SocketAddress?
    private let onChange: @Sendable (ElectionChange) -> Void
    private let pulse: ElectorPulse?
    private let mailbox = Mutex(Mailbox())
    private let view: Mutex<View>
    /// The leader's deadline in nanoseconds since boot; 0 when this agent does not lead.
    private let deadline = Atomic<Int64>(0)

    /// The field of a host's report that names its door.
    package static let doorField = "peer"

    /// An elector at rest. `door` is where others may watch it while it leads (nil: nowhere); `highestEpochSeen` is what
    /// the agent remembers from before its start; `onChange` is called on the elector's thread, and delays renewals if
    /// it blocks.
    package init(
        _ settings: ElectionSettings, store: StoreSettings, keys: Keys, door: SocketAddress? = nil,
        pulse: ElectorPulse? = nil, highestEpochSeen: Int64,
        onChange: @escaping @Sendable (ElectionChange) -> Void
    ) {
        self.pulse = pulse
        self.settings = settings
        self.store = store
        self.keys = keys
        self.door = door
        self.onChange = onChange
        view = Mutex(View(highestEpoch: highestEpochSeen))
    }

    /// Starts the thread, which stands for election at once; a second call, or one after `stop`, does nothing.
    package func start() throws(SystemFault) {
        let bell = try Doorbell()
        let door = try PeerDoor(listen: door, bell: bell)
        let mayStart = mailbox.withLock { mailbox in
            guard mailbox.bell == nil, mailbox.stop == nil else { return false }
            mailbox.bell = bell
            return true
        }
        guard mayStart else { return }
        do throws(SystemFault) {
            let carrier = DoorCarrier(door: door)
            let thread = try Linux.Thread.start(named: "troop-elector") { [self] in run(carrier.door) }
            mailbox.withLock { $0.thread = thread }
        } catch {
            mailbox.withLock { $0.bell = nil }
            throw error
        }
    }

    /// Looks at the lease at once: somebody says that it was released or taken.
    package func lookAgain() { send(.hint) }

    /// Takes in a message of the lease's channel: a release for this host is an invitation, all else a hint.
    package func hear(_ message: String) {
        let words = message.split(separator: " ")
        let isInvited = words.count == 3 && words[0] == "released" && words[2] == settings.host
        send(isInvited ? .invited : .hint)
    }

    /// Tells of an epoch that another source knows; the next election goes beyond it.
    package func noteEpoch(_ epoch: Int64) { send(.epochSeen(epoch)) }

    /// Stands for election no more, or again; a leader that is paused goes on leading.
    package func pause(_ paused: Bool) { send(.pause(paused)) }

    /// Stands back behind the few candidates that ask as soon as a lease ends, or is one of them; for large troops.
    package func standBack(_ isReserve: Bool) { send(.reserve(isReserve)) }

    /// Lets others who can lead go first by a moment, or does so no more.
    package func yield(_ yields: Bool) { send(.yield(yields)) }

    /// Why the door cannot be opened; nil when it is, or need not be.
    package var doorFault: String? { view.withLock { $0.doorFault } }

    /// True while the death of the leader that is followed would be noticed at once.
    package var isWatching: Bool { view.withLock { $0.isWatching } }

    /// Gives the lease, if held, to a host (nil: anyone) and stands again once the others had their chance.
    package func handOver(to host: String?, reason: String) { send(.handOver(to: host, reason: reason)) }

    /// Releases the lease if it is held and never stands again; returns at once, the change is reported.
    package func resign(reason: String) { send(.resign(reason: reason)) }

    /// Ends the thread, and gives up the lease unless it is to run out by itself; blocks for at most about two command
    /// timeouts. Not to be called from `onChange`.
    package func stop(releasing: Bool = true) {
        let (bell, thread) = mailbox.withLock { mailbox in
            if mailbox.stop == nil { mailbox.stop = releasing ? .releasing : .leaving }
            defer { mailbox.thread = nil }
            return (mailbox.bell, mailbox.thread)
        }
        bell?.ring()
        thread?.join()
    }

    /// What this agent is now; a leader whose deadline has passed shows as limbo.
    package var standing: Standing { view.withLock { $0.standing }.judged(at: .now()) }

    /// The highest epoch ever heard of: worth keeping on disk.
    package var highestEpoch: Int64 { view.withLock { $0.highestEpoch } }

    /// True while this agent may act as leader; lock-free.
    package func isLeader(at now: Instant) -> Bool { now.nanoseconds < deadline.load(ordering: .acquiring) }

    /// The token under which this agent may act as leader at that instant; nil when it may not.
    package func token(at now: Instant) -> String? { view.withLock { $0.standing.lease(at: now)?.token } }

    private func send(_ event: LeaseCore.Event) {
        let bell = mailbox.withLock { mailbox -> Doorbell? in
            if event == .hint, mailbox.events.contains(.hint) { return nil }
            if mailbox.events.count >= Elector.mailboxMax {
                guard case .resign = event else { return nil }
            }
            mailbox.events.append(event)
            return mailbox.bell
        }
        bell?.ring()
    }
}

/// Takes the door to the thread that owns it from then on; nobody else keeps it.
private struct DoorCarrier: @unchecked Sendable {  // handed over once, before the thread begins
    let door: PeerDoor
}

/// The thread.
extension Elector {
    private func run(_ door: PeerDoor) {
        var core = LeaseCore(settings, highestEpochSeen: highestEpoch, seed: .random(in: .min ... .max))
        let link = ElectorLink(settings, store: store, keys: keys)
        var lookout = Lookout()
        var ask: LeaseAsk?
        while true {
            pulse?.beat(core.standing, .now())
            let (events, stop) = mailbox.withLock { mailbox in
                defer { mailbox.events.removeAll() }
                return (mailbox.events, mailbox.stop)
            }
            for event in events { ask = tell(&core, event) ?? ask }
            if let stop {
                if stop == .releasing { leave(&core, link, unsent: ask) }
                deadline.store(0, ordering: .releasing)
                view.withLock { $0.standing = .follower(leader: nil) }
                door.show(nil)
                return
            }
            ask = ask ?? tell(&core, .wake)
            guard let todo = ask else {
                attend(door, core, link, &lookout)
                let patience = min(settings.ttlMilliseconds, pulse?.everyMilliseconds ?? .max)
                let longest = Instant.now().advanced(milliseconds: patience)
                door.wait(until: min(core.wakeAt ?? longest, longest))
                if let dead = door.takeProof() { ask = tell(&core, .holderDied(dead)) }
                continue
            }
            ask = carryOut(todo, &core, link, before: nil)
        }
    }

    /// What of the leader's door is being looked after.
    private struct Lookout {
        var lease: Lease?
        /// Where the door is, is asked again then.
        var again = Instant(nanoseconds: .max)
    }

    /// From one question where the leader's door is to the next, while nobody knows, in milliseconds.
    private static let lookoutMilliseconds: Int64 = 500

    /// Opens or closes the own door, and watches the door of the leader that is followed. A door is closed here only after
    /// readers were told that this agent does not lead any more (`show`).
    private func attend(_ door: PeerDoor, _ core: LeaseCore, _ link: ElectorLink, _ lookout: inout Lookout) {
        let now = Instant.now()
        switch core.standing {
        case .leader(let lease, _):
            door.show(lease.token)
            door.rest()
            lookout = Lookout()
        case .follower(.some(let lease)) where core.watches:
            door.show(nil)
            if lease != lookout.lease || lookout.again <= now {
                let address = link.door(of: lease.host)
                door.follow(lease, at: address)
                let pause = Self.lookoutMilliseconds
                lookout = Lookout(
                    lease: lease,
                    again: address == nil ? now.advanced(milliseconds: pause) : .init(nanoseconds: .max))
            }
        case .follower, .candidate, .limbo:
            door.show(nil)
            door.rest()
            lookout = Lookout()
        }
        let (fault, isWatching) = (door.fault, door.isWatching)
        view.withLock {
            if $0.doorFault != fault { $0.doorFault = fault }
            $0.isWatching = isWatching
        }
    }

    /// Tells the core, shows and reports what changed, and returns what it asks for.
    private func tell(_ core: inout LeaseCore, _ event: LeaseCore.Event) -> LeaseAsk? {
        let now = Instant.now()
        let before = core.standing
        let actions = core.handle(event, at: now)
        show(core)
        var ask: LeaseAsk?
        for action in actions {
            switch action {
            case .ask(let wanted): ask = wanted
            case .report(let standing, let reason):
                let at = Elector.moment(of: standing, after: before, told: now)
                onChange(
                    ElectionChange(at: at, standing: standing, reason: reason, trouble: core.troubleText))
            }
        }
        return ask
    }

    /// A leader that ran out of time did so at its deadline, also when this thread waited for an answer then.
    private static func moment(of standing: Standing, after before: Standing, told now: Instant) -> Instant {
        guard case .limbo = standing, case .leader(_, let until) = before else { return now }
        return min(until, now)
    }

    private func carryOut(
        _ ask: LeaseAsk, _ core: inout LeaseCore, _ link: ElectorLink, before limit: Instant?
    ) -> LeaseAsk? {
        if let failure = link.connect(before: limit) { return tell(&core, .failed(failure)) }
        _ = tell(&core, .wake)  // connecting may have taken so long that the deadline has passed
        switch link.perform(ask, before: limit) {
        case .answered(let answer, let sent): return tell(&core, .answered(answer, sent: sent))
        case .failed(let failure): return tell(&core, .failed(failure))
        case .unsent: return tell(&core, .unsent)
        }
    }

    /// Resigns, with one try within one command timeout to tell the store.
    private func leave(_ core: inout LeaseCore, _ link: ElectorLink, unsent: LeaseAsk?) {
        var ask = tell(&core, .resign(reason: "stopped")) ?? unsent
        if case .acquire = ask { ask = tell(&core, .unsent) }
        if case .renew = ask { ask = tell(&core, .unsent) }
        if ask == nil { ask = tell(&core, .hint) }  // an earlier release may wait for its next try
        guard case .release(let order) = ask else { return }
        let limit = Instant.now().advanced(milliseconds: settings.commandTimeoutMilliseconds)
        _ = carryOut(.release(order), &core, link, before: limit)
    }

    private func show(_ core: LeaseCore) {
        let highest = core.highestEpoch
        guard case .leader(_, let until) = core.standing else {
            deadline.store(0, ordering: .releasing)
            view.withLock {
                $0.standing = core.standing
                $0.highestEpoch = highest
            }
            return
        }
        view.withLock {
            $0.standing = core.standing
            $0.highestEpoch = highest
        }
        deadline.store(until.nanoseconds, ordering: .releasing)
    }
}
