import Linux

/// Which notice is delivered next, and when: one at a time, in order, each tried again after a failure under a limit
/// that doubles.
struct DeliveryQueue: Sendable {
    enum Action: Equatable, Sendable {
        case deliver(Notice)
        /// Nothing is due before this instant.
        case wait(until: Instant)
        /// Nothing waits at all.
        case idle
    }

    /// How a try ended.
    enum Outcome: Equatable, Sendable {
        case delivered
        case failed(String)
        /// Trying again cannot help.
        case refused(String)
    }

    /// Notices that wait; beyond that the oldest is dropped.
    static let waitingMax = 256
    /// Tries of one notice: about 25 minutes.
    static let triesMax = 12
    /// The limit of the first wait and the one that is never exceeded, in milliseconds.
    static let firstMilliseconds: Int64 = 1000
    static let lastMilliseconds: Int64 = 300_000

    private var waiting: [Notice] = []
    private var tries = 0
    private var due: Instant?
    /// Notices that nobody will hear of any more.
    private(set) var dropped = 0

    init() {}

    /// Takes a notice; nil, or why another one was dropped for it.
    mutating func add(_ notice: Notice) -> String? {
        waiting.append(notice)
        guard waiting.count > DeliveryQueue.waitingMax else { return nil }
        // The first may be on its way right now, with its tries counted.
        waiting.remove(at: 1)
        dropped += 1
        return "more than \(DeliveryQueue.waitingMax) notices wait; the oldest are dropped"
    }

    /// What to do now.
    func next(at now: Instant) -> Action {
        guard let first = waiting.first else { return .idle }
        if let due, due > now { return .wait(until: due) }
        return .deliver(first)
    }

    /// Takes note of how the delivery of the first one ended; says why when it is given up.
    mutating func end(
        _ outcome: Outcome, at now: Instant, using generator: inout some RandomNumberGenerator
    ) -> String? {
        guard !waiting.isEmpty else { return nil }
        tries += 1
        let why: String?
        switch outcome {
        case .delivered: why = nil
        case .refused(let text): why = text
        case .failed(let text):
            if tries < DeliveryQueue.triesMax {
                let limit = min(
                    DeliveryQueue.firstMilliseconds << min(tries - 1, 20), DeliveryQueue.lastMilliseconds)
                due = now.advanced(milliseconds: Int64.random(in: limit / 2...limit, using: &generator))
                return nil
            }
            why = "\(text) (\(tries) times)"
        }
        waiting.removeFirst()
        tries = 0
        due = nil
        if why != nil { dropped += 1 }
        return why
    }
}
