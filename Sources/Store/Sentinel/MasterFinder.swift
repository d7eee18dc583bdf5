import Linux
import Synchronization

/// Finds the master that the Sentinels agree on, for every connection of one agent: the store's, the elector's, the
/// subscription's. The address is asked for anew at each connect; when it turns out to be another, the connections to
/// the old one count as ended (`StoreConnection.isUsable`).
package final class MasterFinder: Sendable, Equatable {
    private struct State {
        var order: [Int]
        var place: SentinelSettings.Endpoint?
        var waiting: [Doorbell] = []
    }

    /// One Sentinel may take this share of the time that is left, in milliseconds at most.
    private static let answerMillisecondsMax: Int64 = 300

    /// Whom to ask, and for which master.
    package let settings: SentinelSettings
    private let state: Mutex<State>
    private let term = Atomic<Int>(0)

    /// A finder that has asked nobody yet.
    package init(_ settings: SentinelSettings) {
        self.settings = settings
        state = Mutex(State(order: Array(settings.endpoints.indices)))
    }

    package static func == (left: MasterFinder, right: MasterFinder) -> Bool { left === right }

    /// The master that was last connected to; nil before the first.
    package var place: SentinelSettings.Endpoint? { state.withLock { $0.place } }

    /// Who is asked, for people: `mymaster by 10.0.0.1:26379, …`.
    package var target: String {
        "\(settings.master) by Sentinel (\(settings.endpoints.map(\.description).joined(separator: ", ")))"
    }

    /// Rises with each change of the master's address.
    var currentTerm: Int { term.load(ordering: .acquiring) }

    /// Asks the Sentinels, one after the other, until one tells an address, by the deadline; with `agreed` until half of
    /// them tell the same one.
    func find(
        _ resolver: NameResolver, name: String, agreed: Bool = false, until deadline: Instant
    ) throws(StoreFault) -> SentinelSettings.Endpoint {
        let needed = agreed ? MasterSearch.agreement(of: settings.endpoints.count) : 1
        var search = MasterSearch(settings.endpoints, order: state.withLock { $0.order }, needed: needed)
        while let endpoint = search.next {
            let now = Instant.now()
            // A silent Sentinel must leave time for the others, and for the master itself.
            let share = max(1, deadline.milliseconds(since: now)) / Int64(search.left + 1)
            let limit = now.advanced(milliseconds: min(max(1, share), Self.answerMillisecondsMax))
            let answer = ask(endpoint, resolver, name, until: min(limit, deadline))
            guard let place = search.take(answer) else { continue }
            state.withLock { $0.order = MasterSearch.order($0.order, afterAnswersOf: search.responders) }
            return place
        }
        switch search.failure {
        case .unreachable(let text): throw .unreachable("no Sentinel tells who is the master: \(text)")
        case .unknownMaster(let text): throw .unknownMaster("'\(settings.master)' is unknown to \(text)")
        }
    }

    func ask(
        _ endpoint: SentinelSettings.Endpoint, _ resolver: NameResolver, _ name: String,
        until deadline: Instant
    ) -> MasterSearch.Answer {
        do throws(StoreFault) {
            let left = max(1, deadline.milliseconds(since: .now()))
            let own = try settings.store(at: endpoint, name: name, timeoutMilliseconds: left)
            let connection = try StoreConnection.openDirectly(own, resolver: resolver, until: deadline)
            let reply = try connection.call(
                Command("SENTINEL", "get-master-addr-by-name", settings.master), until: deadline)
            return MasterFinder.answer(reply)
        } catch {
            return .failed("\(error)")
        }
    }

    /// Reads the answer to `SENTINEL get-master-addr-by-name`; what it says is a stranger's word until it is checked.
    static func answer(_ reply: Reply) -> MasterSearch.Answer {
        if reply == .null || reply == .array([]) { return .unknown }
        guard let parts = reply.elements, parts.count == 2, let host = parts[0].text,
            let port = parts[1].integer.flatMap({ UInt16(exactly: $0) }), port > 0
        else { return .failed("its answer is no address") }
        let place = SentinelSettings.Endpoint(host: host, port: port)
        guard let url = try? StoreURL("redis://\(place)"), case .tcp(host, port) = url.endpoint else {
            return .failed("its answer is no address")
        }
        return .master(place)
    }

    /// Notes where a master was found that says itself that it is one; the term of this address.
    func adopt(_ place: SentinelSettings.Endpoint) -> Int {
        let (now, bells) = state.withLock { state -> (Int, [Doorbell]) in
            if state.place == place { return (currentTerm, []) }
            // The first address ends no connection: there is none.
            let isFirst = state.place == nil
            state.place = place
            return (term.add(1, ordering: .acquiringAndReleasing).newValue, isFirst ? [] : state.waiting)
        }
        for bell in bells { bell.ring() }
        return now
    }

    /// Rings this bell when the master's address changes: for who sleeps on a connection to the old one.
    func ring(_ bell: Doorbell) { state.withLock { $0.waiting.append(bell) } }

    /// Rings it no more.
    func spare(_ bell: Doorbell) { state.withLock { $0.waiting.removeAll { $0 === bell } } }
}
