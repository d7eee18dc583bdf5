import Glibc
import Linux
import Synchronization

/// Moves the leader's address: a thread that feeds `VIPCore` with what happens and carries out what it says.
final class AddressKeeper: Sendable {
    private struct Mailbox {
        var events: [VIPCore.Event] = []
        var isEnding = false
        var thread: Linux.Thread?
        var fault: String?
    }

    /// A missing interface is looked for so often, in milliseconds.
    private static let retryMilliseconds: Int32 = 1000
    /// Whether a lease that ran out holds again is asked so often, in milliseconds: until then nobody may have the address.
    private static let lapseMilliseconds: Int32 = 50
    /// Whether the interface is still the one that was opened is looked at least so often, in milliseconds; where links are
    /// heard of, that is known at once.
    private static let lookMilliseconds: Int32 = 10_000

    private let settings: VIPSettings
    private let isInherited: Bool
    private let bell: Doorbell
    private let mailbox = Mutex(Mailbox())
    private let mayLead: @Sendable () -> Bool
    private let onTell: @Sendable (VIPCore.Message) -> Void

    /// A keeper at rest. `isInherited`: a predecessor left the address on purpose. `mayLead` is true while the lease
    /// surely holds: the elector may be held up in a call when its deadline passes, and tell of it later. `onTell` is
    /// called on the keeper's thread and must not block.
    init(
        _ settings: VIPSettings, isInherited: Bool, mayLead: @escaping @Sendable () -> Bool,
        onTell: @escaping @Sendable (VIPCore.Message) -> Void
    ) throws(SystemFault) {
        self.mayLead = mayLead
        self.settings = settings
        self.isInherited = isInherited
        self.onTell = onTell
        bell = try Doorbell()
    }

    /// Starts the thread; leftovers of an earlier run go at once.
    func start() throws(SystemFault) {
        let thread = try Linux.Thread.start(named: "troop-vip") { [self] in run() }
        mailbox.withLock { $0.thread = thread }
    }

    /// Tells of an election; returns at once.
    func tell(_ event: VIPCore.Event) {
        mailbox.withLock { $0.events.append(event) }
        bell.ring()
    }

    /// Ends the thread after it has removed the address, unless a successor keeps it; blocks for a moment.
    func stop(keeps: Bool) {
        let thread = mailbox.withLock { mailbox in
            if !mailbox.isEnding { mailbox.events.append(.end(keeps: keeps)) }
            mailbox.isEnding = true
            defer { mailbox.thread = nil }
            return mailbox.thread
        }
        bell.ring()
        thread?.join()
    }

    /// Why the address is not where it should be; nil when it is.
    var fault: String? { mailbox.withLock { $0.fault } }

    /// Takes the address off the interface, whoever left it there; true when it was there.
    static func removeLeftover(_ address: VirtualAddress) throws(SystemFault) -> Bool {
        let station = try AddressStation(address)
        guard station.isPresent ?? false else { return false }
        try station.change(adds: false)
        return true
    }

    private func run() {
        var core = VIPCore(settings)
        var station: AddressStation?
        var isFirst = true
        var lapse = Lapse()
        while true {
            let (events, isEnding) = mailbox.withLock { mailbox in
                defer { mailbox.events.removeAll() }
                return (mailbox.events, mailbox.isEnding)
            }
            // Made anew under its name: the addresses went with the old one, and so did what was open on it.
            if station?.isStale ?? false { station = nil }
            if station == nil {
                station = open(&core, isInherited: isInherited && isFirst)
                isFirst = isFirst && station == nil
            }
            for event in events {
                let heard = lapse.hear(event, mayLead: mayLead())
                perform(core.handle(heard, at: .now()), &core, station)
            }
            if isEnding { return }
            if let event = lapse.judge(mayLead: mayLead()) {
                perform(core.handle(event, at: .now()), &core, station)
            }
            if let station {
                if let claimant = station.claimant() {
                    perform(core.handle(.claimed(by: claimant), at: .now()), &core, station)
                }
                let news = station.news()
                if let isUp = news.isUp {
                    perform(core.handle(.link(isUp: isUp), at: .now()), &core, station)
                }
                if news.hasLostAddress { perform([.look], &core, station) }
            }
            perform(core.handle(.wake, at: .now()), &core, station)
            sleep(core, station, isLapsed: lapse.isWaiting)
        }
    }

    /// What the elector said last, held against what the lease allows now: whose deadline has passed is in limbo, told or not.
    struct Lapse: Sendable {
        private var leads = false
        /// The elector says that this host leads, and its lease was seen to have run out since.
        private(set) var isWaiting = false

        /// The event as the core is to hear it: a promotion that waited for longer than the lease holds is none any more.
        mutating func hear(_ event: VIPCore.Event, mayLead: Bool) -> VIPCore.Event {
            switch event {
            case .promoted:
                leads = true
                isWaiting = !mayLead
                return mayLead ? event : .wake
            case .limbo, .demoted, .end:
                (leads, isWaiting) = (false, false)
                return event
            case .start, .found, .failed, .claimed, .link, .wake: return event
            }
        }

        /// What follows from the lease alone: he gives way to a claim and defends nothing, until it is seen to hold again.
        mutating func judge(mayLead: Bool) -> VIPCore.Event? {
            guard mayLead else {
                isWaiting = leads
                return .limbo
            }
            guard isWaiting else { return nil }
            isWaiting = false
            return .promoted
        }
    }

    /// Opens the interface, and tells the core what is there.
    private func open(_ core: inout VIPCore, isInherited: Bool) -> AddressStation? {
        do throws(SystemFault) {
            let station = try AddressStation(settings.address)
            let isPresent = station.isPresent ?? false
            perform(
                core.handle(.start(isPresent: isPresent, isInherited: isInherited), at: .now()), &core,
                station)
            if let isUp = station.hasCarrier {
                perform(core.handle(.link(isUp: isUp), at: .now()), &core, station)
            }
            note(core, station)
            return station
        } catch {
            perform(core.handle(.failed(AddressStation.advice(error)), at: .now()), &core, nil)
            note(core, nil)
            return nil
        }
    }

    private func perform(_ actions: [VIPCore.Action], _ core: inout VIPCore, _ station: AddressStation?) {
        for action in actions {
            switch action {
            // Asked again each time: an action before this one may have taken its while.
            case .add: if mayLead() { change(adds: true, &core, station) }
            case .remove: change(adds: false, &core, station)
            case .announce: if mayLead() { station?.announce() }
            case .probe: station?.probe()
            case .look:
                guard let isPresent = station?.isPresent else { break }
                perform(core.handle(.found(isPresent: isPresent), at: .now()), &core, station)
            case .tell(let message): onTell(message)
            }
        }
    }

    private func change(adds: Bool, _ core: inout VIPCore, _ station: AddressStation?) {
        guard let station else { return }
        do throws(SystemFault) {
            try station.change(adds: adds)
            perform(core.handle(.found(isPresent: adds), at: .now()), &core, station)
            note(core, station)
        } catch {
            perform(core.handle(.failed(AddressStation.advice(error)), at: .now()), &core, station)
            note(core, station)
        }
    }

    private func note(_ core: VIPCore, _ station: AddressStation?) {
        let isDeaf = station.map { $0.station < 0 } ?? false
        let fault = core.trouble ?? (isDeaf ? "it cannot be announced: CAP_NET_RAW is missing" : nil)
        mailbox.withLock { $0.fault = fault.map { "vip: \($0)" } }
    }

    private func sleep(_ core: VIPCore, _ station: AddressStation?, isLapsed: Bool) {
        var entries = [pollfd(fd: bell.descriptor, events: Int16(POLLIN), revents: 0)]
        for descriptor in [station?.station, station?.links] {
            if let descriptor, descriptor >= 0 {
                entries.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
            }
        }
        var patience = station == nil ? AddressKeeper.retryMilliseconds : AddressKeeper.lookMilliseconds
        if isLapsed { patience = AddressKeeper.lapseMilliseconds }
        if let wake = core.wakeAt {
            let left = max(0, wake.nanoseconds - Instant.now().nanoseconds)
            patience = min(patience, Int32(clamping: (left + 999_999) / 1_000_000))
        }
        _ = poll(&entries, nfds_t(entries.count), patience)
        if entries[0].revents != 0 { bell.silence() }
    }
}
