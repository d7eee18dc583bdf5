import Linux
import Remediation

/// A small world around one operation: a cloud, a host with its agent, a store that only holds what was written, and
/// leaders that may die between any two steps.
struct World {
    /// How a call to the cloud ends.
    enum Answer: Equatable {
        case fine
        /// It happens; the answer is lost.
        case lost
        /// It does not happen; that is not known.
        case lostBefore
        /// It happens later, and the answer is lost.
        case late
        case throttled
        case capacity
        case never
    }

    private struct Death: Error {}

    var now = Instant(nanoseconds: 1_000_000_000)
    var stored: Operation
    var limits = OperationLimits()
    /// What each call to the cloud in turn comes to; `fine` beyond its end.
    var answers: [Answer] = []
    /// The points at which the leader dies, counted from the start.
    var deaths: Set<Int> = []
    var hasProvider = true
    var agentIsAlive = true
    var agentTakesOrders = true
    var canProduce = false
    var playbookFails = false
    var comesBack = true
    /// How long the machine takes to stop, in milliseconds.
    var stopMilliseconds: Int64 = 0
    var objection: String?
    /// A person puts the server back once the operation has come to this step of this rung.
    var putBack: (rung: Int, step: Step)?
    /// A person holds the host once the operation has come to this step of this rung.
    var heldFrom: (rung: Int, step: Step)?
    private var isHeld = false
    /// What makes the sick server healthy; nil for a server that is well all along.
    var curedBy: Remedy?

    private(set) var points = 0
    /// Machines by the token that launched them: the cloud keeps the promise that a token makes one machine.
    private(set) var machines: [String: Machine] = [:]
    private(set) var launches = 0
    private(set) var terminations = 0
    private(set) var reboots = 0
    private(set) var stops = 0
    private(set) var starts = 0
    /// The machine that the operation is about.
    private(set) var old = Machine.State.running
    private var isCured = false
    private(set) var bootID = "boot-0"
    private(set) var entries: [String: FleetView.Server.State] = ["10.0.0.1:3000": .active]
    private(set) var writers: [String: String] = [:]
    private(set) var order = Facts.Order.none
    private(set) var orderID = ""
    private var doneOrders: Set<String> = []
    private var pending: [(at: Instant, what: @Sendable (inout World) -> Void)] = []
    private var rebootedAt: Instant?
    private var calls = 0
    var leaders = 0

    init(_ operation: Operation) { stored = operation }

    /// Runs leaders until the operation has ended; false when it has not after a simulated day.
    mutating func run() -> Bool {
        let end = now.advanced(milliseconds: 86_400_000)
        while now < end {
            leaders += 1
            if (try? lead(until: end)) != nil { return stored.state.hasEnded }
            now = now.advanced(milliseconds: 1500)  // the next leader is elected
        }
        return false
    }

    private mutating func point() throws {
        points += 1
        if deaths.contains(points) { throw Death() }
    }

    private mutating func lead(until end: Instant) throws {
        stored.epoch += 1
        var core = OperationCore(stored, limits: limits, at: now)
        var turns = 0
        while now < end {
            turns += 1
            if turns > 2_000_000 { return }
            settle()
            personActs(core.operation)
            let facts = facts(core.operation)
            switch core.next(facts, at: now) {
            case .over: return
            case .wait(let milliseconds):
                agentActs()
                now = now.advanced(milliseconds: max(1, milliseconds))
            case .write(let effect):
                try point()
                if let why = apply(effect, core.draft) {
                    core.refused(why)
                } else {
                    stored = core.draft
                    try point()
                    core.wrote(at: now)
                }
            case .act(let act):
                try point()
                let outcome = perform(act)
                now = now.advanced(milliseconds: 200)
                settle()
                try point()
                core.took(act, outcome, self.facts(core.operation), at: now)
            }
        }
    }

    private mutating func personActs(_ operation: Operation) {
        if let from = heldFrom, operation.rung == from.rung, operation.step == from.step { isHeld = true }
        guard let wanted = putBack, operation.rung == wanted.rung, operation.step == wanted.step else {
            return
        }
        putBack = nil
        entries["10.0.0.1:3000"] = .active
        writers["10.0.0.1:3000"] = "cli:ann"
    }

    private mutating func settle() {
        let due = pending.filter { $0.at <= now }
        pending.removeAll { $0.at <= now }
        for entry in due { entry.what(&self) }
    }

    // MARK: - Redis

    private mutating func apply(_ effect: Effect, _ operation: Operation) -> String? {
        switch effect {
        case .none: break
        case .drain:
            guard entries[operation.server] == .active else { return "it is not active" }
            entries[operation.server] = .draining
            writers[operation.server] = operation.id
        case .restore, .putOut:
            guard writers[operation.server] == operation.id else { return "somebody else changed it" }
            if case .restore = effect {
                entries[operation.server] = .active
            } else {
                entries[operation.server] = .out
            }
        case .remove(let server): entries[server] = nil
        case .order(let kind):
            let id = "\(operation.id).\(operation.rung).\(kind.rawValue)"
            if orderID != id { (order, orderID) = (.waiting, id) }
        case .withdraw: if order == .waiting { order = .withdrawn }
        }
        return nil
    }

    private mutating func agentActs() {
        guard agentIsAlive, agentTakesOrders, order == .waiting, doneOrders.insert(orderID).inserted else {
            return
        }
        order = .claimed
        if orderID.hasSuffix("reboot") {
            reboot()
        } else {
            order = .done
            if stored.remedy == .restartApp { cure(.restartApp) }
        }
    }

    private mutating func cure(_ remedy: Remedy) { if curedBy == remedy { isCured = true } }

    private mutating func reboot() {
        reboots += 1
        cure(.reboot)
        boot()
    }

    private mutating func boot() {
        rebootedAt = now
        guard comesBack else {
            agentIsAlive = false
            return
        }
        let count = reboots + starts
        pending.append((now.advanced(milliseconds: 40_000), { $0.bootID = "boot-\(count)" }))
    }

    // MARK: - What leaders see

    private func facts(_ operation: Operation) -> Facts {
        var facts = Facts()
        let isDown = rebootedAt.map { now.milliseconds(since: $0) < 40_000 } ?? false
        facts.host = Facts.Host(
            isFresh: agentIsAlive && !isDown && old == .running, bootID: bootID, address: "10.0.0.1",
            server: "10.0.0.1:3000")
        if let state = entries["10.0.0.1:3000"] {
            facts.server = Facts.Server(
                state: state, isHealthy: !isDown && old == .running && (curedBy == nil || isCured),
                inFlight: 0)
        }
        if let machine = machines.values.first(where: { $0.state == .running }) {
            facts.newcomer = Facts.Host(
                isFresh: true, bootID: "n", address: machine.privateAddress ?? "", server: nil)
            facts.newcomerServer = (
                "10.0.0.9:3000", Facts.Server(state: .active, isHealthy: true, inFlight: 0)
            )
        }
        let suffix = operation.step == .reboot || operation.step == .prove ? "reboot" : "restart"
        facts.order = orderID == "\(operation.id).\(operation.rung).\(suffix)" ? order : .none
        facts.hasProvider = hasProvider
        facts.canProduce = canProduce
        facts.canProvision = canProduce
        facts.objection = objection
        facts.hold = isHeld ? "a is held by a person" : nil
        return facts
    }

    // MARK: - The cloud

    private mutating func perform(_ act: Act) -> Outcome {
        switch act {
        case .provision, .production:
            return playbookFails ? .playbook(.failed(status: 2, tail: "unreachable")) : .done
        case .find: return machines[stored.id].map { .machine($0) } ?? .nothing
        case .look(let id):
            if id.isEmpty, stored.address.isEmpty { return .nothing }  // nobody knows where to look
            if id == "i-old" || id.isEmpty {
                return old == .terminated
                    ? .fault(.missing("i-old")) : .machine(Machine(id: "i-old", state: old))
            }
            return machines.values.first { $0.id == id }.map { .machine($0) } ?? .fault(.missing(id))
        case .launch, .reboot, .stop, .start, .terminate: return call(act)
        }
    }

    private mutating func call(_ act: Act) -> Outcome {
        let answer = calls < answers.count ? answers[calls] : .fine
        calls += 1
        switch answer {
        case .fine: return happen(act)
        case .lost:
            _ = happen(act)
            return .fault(.retryable("the answer was lost", mayHaveHappened: true))
        case .lostBefore: return .fault(.retryable("no answer", mayHaveHappened: true))
        case .late:
            pending.append((now.advanced(milliseconds: 30_000), { _ = $0.happen(act) }))
            return .fault(.retryable("no answer", mayHaveHappened: true))
        case .throttled: return .fault(.retryable("RequestLimitExceeded", mayHaveHappened: false))
        case .capacity: return .fault(.capacity("InsufficientInstanceCapacity"))
        case .never: return .fault(.permanent("InvalidAMIID.NotFound"))
        }
    }

    private mutating func happen(_ act: Act) -> Outcome {
        switch act {
        case .launch:
            if let machine = machines[stored.id] { return .machine(machine) }
            launches += 1
            let machine = Machine(
                id: "i-\(launches)", state: .running, privateAddress: "10.0.0.9", operation: stored.id)
            machines[stored.id] = machine
            return .machine(machine)
        case .reboot:
            reboot()
            return .done
        case .terminate(let id):
            terminations += 1
            if id == "i-old" { old = .terminated }
            for (token, machine) in machines where machine.id == id { machines[token]?.state = .terminated }
            return .done
        case .stop:
            if old == .running { stops += 1 }
            guard stopMilliseconds > 0 else {
                old = .stopped
                return .done
            }
            if old == .running {
                old = .stopping
                pending.append((now.advanced(milliseconds: stopMilliseconds), { $0.old = .stopped }))
            }
            return .done
        case .start where old == .stopping:
            return .fault(.retryable("IncorrectInstanceState", mayHaveHappened: false))
        case .start:
            guard old == .stopped else { return .done }
            starts += 1
            old = .running
            cure(.stopStart)
            boot()
            return .done
        case .find, .look, .provision, .production: return .done
        }
    }

    /// Machines that run because of the operation.
    var running: Int { machines.values.count { $0.state == .running } }
}
