/// One search for the master: which Sentinel is asked next, and what their answers amount to. A value without I/O, by
/// the rules that Redis documents for clients of Sentinel.
struct MasterSearch: Sendable, Equatable {
    /// What a Sentinel said.
    enum Answer: Sendable, Equatable {
        case master(SentinelSettings.Endpoint)
        /// It watches no master of that name.
        case unknown
        /// It gave no answer that could be used, for this reason.
        case failed(String)
    }

    /// How a search ended without a master.
    enum Failure: Sendable, Equatable {
        /// Nobody answered; what each said.
        case unreachable(String)
        /// Who answered knows no such master.
        case unknownMaster(String)
    }

    private var waiting: ArraySlice<Int>
    private let endpoints: [SentinelSettings.Endpoint]
    private var strangers: [String] = []
    private var silent: [String] = []
    private var named: [SentinelSettings.Endpoint] = []
    private let needed: Int
    /// Who told, in their order.
    private(set) var responders: [Int] = []

    /// A search over the Sentinels in an order: indices into `endpoints`; so many must name the same master.
    init(_ endpoints: [SentinelSettings.Endpoint], order: [Int], needed: Int = 1) {
        self.endpoints = endpoints
        self.needed = needed
        waiting = order[...]
    }

    /// How many of so many Sentinels must agree where it matters that a split's smaller side is left: half of them, and
    /// of an odd number the greater half.
    static func agreement(of count: Int) -> Int { max(1, (count + 1) / 2) }

    /// The Sentinel to ask now; nil when all were asked.
    var next: SentinelSettings.Endpoint? { waiting.first.map { endpoints[$0] } }

    /// How many there are yet to ask.
    var left: Int { waiting.count }

    /// Takes the answer of `next`; the master, when it told one.
    mutating func take(_ answer: Answer) -> SentinelSettings.Endpoint? {
        guard let index = waiting.popFirst() else { return nil }
        switch answer {
        case .master(let place):
            responders.append(index)
            named.append(place)
            return named.count { $0 == place } >= needed ? place : nil
        case .unknown: strangers.append("\(endpoints[index])")
        case .failed(let why): silent.append("\(endpoints[index]): \(why)")
        }
        return nil
    }

    /// What is said when everyone was asked in vain. One Sentinel that answers is proof enough of an unknown name, even
    /// if others are silent.
    var failure: Failure {
        if let place = named.first {
            let who = responders.map { "\(endpoints[$0])" }.joined(separator: ", ")
            return .unreachable(
                "no \(needed) of \(endpoints.count) name the same: \(who) say \(Set(named).count == 1 ? "\(place)" : "different things")"
                    + (silent.isEmpty ? "" : "; \(silent.joined(separator: "; "))"))
        }
        guard !strangers.isEmpty else { return .unreachable(silent.joined(separator: "; ")) }
        let rest = silent.isEmpty ? "" : "; silent: \(silent.joined(separator: "; "))"
        return .unknownMaster(strangers.joined(separator: ", ") + rest)
    }

    /// The order for the next search: whoever told goes to the head.
    static func order(_ order: [Int], afterAnswersOf indices: [Int]) -> [Int] {
        indices + order.filter { !indices.contains($0) }
    }
}
