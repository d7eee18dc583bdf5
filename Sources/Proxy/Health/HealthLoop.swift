import CLinux
import Glibc
import Linux
import Synchronization

/// The checker's thread: begins checks when they are due, follows them with epoll, ends them in time.
final class HealthLoop {
    private struct Target {
        let address: SocketAddress
        let request: [UInt8]
        var record = HealthRecord()
        var probe: HealthProbe?
        /// Tells entries of the queue and the epoll's words from those of an earlier check or target.
        var generation: UInt32
    }

    /// Checks under way at a time; those due beyond wait for a place.
    private static let probesMax = 4_096
    private static let bufferBytes = 16 * 1024
    private static let eventsPerTurn = 256
    private static let doorbellWord = UInt64.max
    /// How long a check waits for a place, or for this host's descriptors to become free.
    private static let retryNanoseconds: Int64 = 50_000_000
    /// From a refused connect elsewhere to the next check.
    private static let secondLookNanoseconds: Int64 = 250_000_000
    /// From one first check to the next when many servers are new.
    private static let spreadNanoseconds: Int64 = 200_000

    private let settings: HealthSettings
    private let pattern: [UInt8]?
    private let epoll: Int32
    private let shared: SharedHealth
    private let onChange: @Sendable (HealthChange) -> Void
    /// For TLS with servers, and why there is none although there should be.
    private var context: ServerContext?
    private var contextFault: TLSFault?
    private var targets: [Int: Target] = [:]
    private var numbers: [SocketAddress: Int] = [:]
    private var nextNumber = 0
    private var watched: [SocketAddress] = []
    private var nextGeneration: UInt32 = 0
    private var probing = 0
    /// Checks to begin, and checks under way to give up.
    private var queue = DueQueue()
    /// Checks that go on in the same turn, as epoll words.
    private var again: [UInt64] = []
    private let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: HealthLoop.bufferBytes)

    static func makeEpoll() throws(SystemFault) -> Int32 {
        let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw SystemFault("epoll_create1") }
        return epoll
    }

    init(
        _ settings: HealthSettings, epoll: Int32, shared: SharedHealth,
        onChange: @escaping @Sendable (HealthChange) -> Void
    ) {
        self.settings = settings
        pattern = settings.bodyMatch.map { Array($0.utf8) }
        self.epoll = epoll
        self.shared = shared
        self.onChange = onChange
        do throws(TLSFault) {
            if let tls = settings.tls { context = try ServerContext(tls) }
        } catch {
            contextFault = error
        }
    }

    deinit {
        context?.deallocate()
        buffer.deallocate()
        _ = close(epoll)
    }

    func run() {
        _ = clinux_epoll_control(
            epoll, EPOLL_CTL_ADD, shared.doorbell.descriptor, EPOLLIN.rawValue, HealthLoop.doorbellWord)
        var events = [epoll_event](repeating: epoll_event(), count: HealthLoop.eventsPerTurn)
        while true {
            let waits = again.isEmpty ? waitMilliseconds() : 0
            let count = epoll_wait(epoll, &events, Int32(events.count), waits)
            for index in 0..<Int(max(count, 0)) {
                let word = clinux_epoll_word(&events[index])
                if word == HealthLoop.doorbellWord {
                    shared.doorbell.silence()
                    guard adopt() else { return }
                } else {
                    advance(word)
                }
                // Servers that have much to say must not put off what is due at others.
                beginDue()
            }
            goOn()
            beginDue()
        }
    }

    /// Lets the checks go on that had more to read than their share of the last turn.
    private func goOn() {
        let waiting = again
        again.removeAll(keepingCapacity: true)
        for word in waiting {
            let number = HealthLoop.number(in: word)
            // A check that has ended meanwhile, or another one of the same server.
            guard targets[number]?.generation == HealthLoop.generation(in: word) else { continue }
            targets[number]?.probe?.isQueued = false
            advance(word)
            beginDue()
        }
    }

    private static func word(_ number: Int, _ generation: UInt32) -> UInt64 {
        UInt64(generation) << 32 | UInt64(number)
    }

    private static func number(in word: UInt64) -> Int { Int(word & 0xffff_ffff) }

    private static func generation(in word: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: word >> 32) }

    private func waitMilliseconds() -> Int32 {
        guard let first = queue.first else { return -1 }
        return Int32(clamping: max(0, (first.due - Instant.now().nanoseconds) / 1_000_000 + 1))
    }

    /// Takes a new list over; false when the thread is to end.
    private func adopt() -> Bool {
        let (wanted, refused, isStopping) = shared.state.withLock { state in
            defer { state.refused = [] }
            return (state.wanted, state.refused, state.isStopping)
        }
        if isStopping {
            for number in Array(targets.keys) { endProbe(number) }
            return false
        }
        for address in refused { condemn(address) }
        guard wanted != watched else { return true }
        watched = wanted
        let kept = Set(wanted)
        for (address, number) in numbers where !kept.contains(address) {
            endProbe(number)
            targets[number] = nil
            numbers[address] = nil
        }
        let fresh = kept.filter { numbers[$0] == nil }
        let now = Instant.now().nanoseconds
        // Few new servers are checked at once, many spread over a while: a new leader wants to know soon.
        let spread = min(
            settings.intervalMilliseconds * 1_000_000, Int64(fresh.count - 1) * HealthLoop.spreadNanoseconds)
        for address in fresh {
            let number = nextNumber
            nextNumber = nextNumber + 1 == Int(UInt32.max) ? 0 : nextNumber + 1  // never the doorbell's word
            numbers[address] = number
            targets[number] = Target(
                address: address, request: HealthLoop.request(settings, address), generation: 0)
            schedule(number, at: now + (spread > 0 ? Int64.random(in: 0..<spread) : 0))
        }
        shared.state.withLock { state in
            state.states = numbers.mapValues { targets[$0]?.record.state ?? .unknown }
            state.ranks = state.ranks.filter { numbers[$0.key] != nil }
        }
        return true
    }

    private static func request(_ settings: HealthSettings, _ address: SocketAddress) -> [UInt8] {
        let host = settings.host ?? "\(address)"
        return Array(
            "GET \(settings.path) HTTP/1.1\r\nHost: \(host)\r\nUser-Agent: troop-health\r\nConnection: close\r\n\r\n"
                .utf8)
    }

    private func schedule(_ number: Int, at due: Int64) {
        nextGeneration &+= 1
        targets[number]?.generation = nextGeneration
        queue.insert(DueQueue.Entry(due: due, number: number, generation: nextGeneration))
    }

    /// Begins checks that are due, and gives up those whose time is over.
    private func beginDue() {
        let now = Instant.now().nanoseconds
        while let entry = queue.first, entry.due <= now {
            queue.removeFirst()
            guard let target = targets[entry.number], target.generation == entry.generation else { continue }
            if let probe = target.probe {
                conclude(entry.number, probe.late(milliseconds: settings.timeoutMilliseconds))
            } else {
                begin(entry.number, target, now)
            }
        }
    }

    private func begin(_ number: Int, _ target: Target, _ now: Int64) {
        guard probing < HealthLoop.probesMax else {
            schedule(number, at: now + HealthLoop.retryNanoseconds)
            return
        }
        switch HealthProbe.begin(target.address, request: target.request, pattern: pattern) {
        case .failure(.noDescriptor): schedule(number, at: now + HealthLoop.retryNanoseconds)
        case .failure(.failed(let reason)): end(number, failure: reason)
        case .success(var probe):
            probing += 1
            let isReady = context.map { probe.secure($0, target.address) } ?? true
            targets[number]?.probe = probe
            guard isReady, contextFault == nil else {
                end(number, failure: .system(contextFault?.description ?? "no memory for TLS is left"))
                return
            }
            schedule(number, at: now + settings.timeoutMilliseconds * 1_000_000)
            let word = HealthLoop.word(number, nextGeneration)
            let interest = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
            if clinux_epoll_control(epoll, EPOLL_CTL_ADD, probe.descriptor, interest, word) != 0 {
                endProbe(number)
                schedule(number, at: now + HealthLoop.retryNanoseconds)
            }
        }
    }

    private func advance(_ word: UInt64) {
        let number = HealthLoop.number(in: word)
        guard targets[number]?.generation == HealthLoop.generation(in: word),
            targets[number]?.probe?.isQueued == false,
            let outcome = targets[number]?.probe?.advance(into: buffer, good: settings.status)
        else { return }
        conclude(number, outcome)
    }

    private func conclude(_ number: Int, _ outcome: HealthProbe.Outcome) {
        switch outcome {
        case .pending: break
        case .yields:
            guard let generation = targets[number]?.generation else { return }
            targets[number]?.probe?.isQueued = true
            again.append(HealthLoop.word(number, generation))
        case .good(let status): end(number, failure: nil, note: "status \(status)")
        case .failed(let reason): end(number, failure: reason)
        }
    }

    /// A check is over: its socket is closed, its result noted, the next one scheduled.
    private func end(_ number: Int, failure: HealthFailure?, note: String = "") {
        endProbe(number)
        let interval = settings.intervalMilliseconds * 1_000_000
        let jitter = interval / 10
        schedule(
            number,
            at: Instant.now().nanoseconds + interval + (jitter > 0 ? Int64.random(in: -jitter...jitter) : 0))
        guard var target = targets[number] else { return }
        let rank = target.record.rank
        let changed = target.record.note(failure: failure, rise: settings.rise, fall: settings.fall)
        targets[number]?.record = target.record
        tell(target, isNews: changed, rank, failure?.description ?? note)
    }

    /// A connect elsewhere has shown that nobody is there.
    private func condemn(_ address: SocketAddress) {
        guard let number = numbers[address], var target = targets[number] else { return }
        let rank = target.record.rank
        let changed = target.record.condemn(.refused)
        targets[number]?.record = target.record
        // It may only be starting anew: the first look comes soon.
        if changed, target.probe == nil {
            schedule(number, at: Instant.now().nanoseconds + HealthLoop.secondLookNanoseconds)
        }
        tell(target, isNews: changed, rank, HealthFailure.refused.description)
    }

    private func tell(_ target: Target, isNews: Bool, _ before: ServerRank, _ reason: String) {
        let rank = target.record.rank
        shared.state.withLock { state in
            state.states[target.address] = target.record.state
            state.ranks[target.address] = rank
        }
        guard isNews || rank != before else { return }
        onChange(
            HealthChange(
                address: target.address, healthy: target.record.state.isHealthy, rank: rank, isNews: isNews,
                reason: reason))
    }

    private func endProbe(_ number: Int) {
        targets[number]?.probe?.end()
        guard let probe = targets[number]?.probe else { return }
        // Reset rather than wait: thousands of checks would leave as many sockets in TIME_WAIT.
        var reset = linger(l_onoff: 1, l_linger: 0)
        _ = setsockopt(
            probe.descriptor, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
        _ = close(probe.descriptor)
        targets[number]?.probe = nil
        probing -= 1
    }
}
