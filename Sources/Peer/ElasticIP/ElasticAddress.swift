import Election
import Linux
import Remediation

/// Keeps the leader's address at the provider with the leader: carries out what `AddressClaim` says, in a task of its own,
/// since a provider may take a minute to answer and nobody else is to wait for that.
actor ElasticAddress {
    private let settings: ElasticIPSettings
    private let mover: any AddressMover
    private let events: EventLog
    private let permit: Permit
    private var claim: AddressClaim
    /// The question or the move that is out: there is one at most.
    private var errand: Task<Void, Never>?
    private var isClosed = false

    /// An address that nobody takes yet; `permit` is true while this agent surely leads.
    init(_ settings: ElasticIPSettings, mover: any AddressMover, events: EventLog, permit: @escaping Permit) {
        self.settings = settings
        self.mover = mover
        self.events = events
        self.permit = permit
        claim = AddressClaim(checkMilliseconds: settings.checkMilliseconds)
    }

    /// What is wrong with it; nil when nothing is.
    var fault: String? { claim.trouble.map { "elastic_ip \(settings.allocation): \($0)" } }

    /// Takes in whether this host leads; does not wait for the provider.
    func lead(_ leads: Bool) { begin(claim.handle(.leads(leads), at: .now())) }

    /// Begins what is due, and does not wait for it; called once a second.
    func tick() { begin(claim.handle(.wake, at: .now())) }

    /// Ends: nothing is begun any more, and what is out is not waited for.
    func close() {
        isClosed = true
        errand?.cancel()
    }

    private func begin(_ actions: [AddressClaim.Action]) {
        guard !actions.isEmpty, !isClosed else { return }
        errand = Task { await perform(actions) }
    }

    private func perform(_ actions: [AddressClaim.Action]) async {
        var waiting = actions
        while !waiting.isEmpty, !isClosed {
            switch waiting.removeFirst() {
            case .look: waiting += claim.handle(await look(), at: .now())
            case .move: waiting += claim.handle(await move(), at: .now())
            case .tell(let message): tell(message)
            }
        }
    }

    private func look() async -> AddressClaim.Event {
        do throws(ProviderFault) {
            let own = try await mover.ownMachine()
            let holder = try await mover.holder(of: settings.allocation)
            return .held(isOurs: holder == own, by: holder ?? "nobody")
        } catch {
            return .failed("\(error)")
        }
    }

    private func move() async -> AddressClaim.Event {
        do throws(ProviderFault) {
            let own = try await mover.ownMachine()
            try await mover.move(settings.allocation, to: own, permit: permit)
            return .moved
        } catch {
            return .failed("\(error)")
        }
    }

    private func tell(_ message: AddressClaim.Message) {
        let details = ["allocation": settings.allocation]
        switch message {
        case .taken(let milliseconds):
            let more = details.merging(["took_ms": "\(milliseconds)"]) { $1 }
            events.tell(
                "elastic_ip.taken", .notice, "this host has the Elastic IP \(settings.allocation)", more)
        case .lost(let holder):
            events.tell(
                "elastic_ip.lost", .warning,
                "\(holder) got the Elastic IP \(settings.allocation) while this host leads; taking it back",
                details)
        case .trouble(let why):
            events.tell(
                "elastic_ip.failed", .error, "the Elastic IP \(settings.allocation) cannot be had: \(why)",
                details)
        }
    }
}
