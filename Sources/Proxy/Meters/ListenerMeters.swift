import HTTP

/// The counters of one worker's clients that came by one listener.
struct ListenerMeters: ~Copyable {
    // What nearly every request touches stands together.
    let requests = Counter()
    let bytesFromClients = Counter()
    let bytesToClients = Counter()
    let responses2xx = Counter()
    let responses3xx = Counter()
    let responses4xx = Counter()
    let responses5xx = Counter()
    let open = Counter()
    let accepted = Counter()
    let turnedAway = Counter()
    let overClientLimit = Counter()
    let handshakes = Counter()
    let handshakesResumed = Counter()
    let handshakesRefused = Counter()
    let handshakesAbandoned = Counter()
    let handshakesPlain = Counter()
    let requestFaults = FaultMeters()
}

/// One counter for each reason why a message was refused, `MessageFault.ceiling` of them.
struct FaultMeters: ~Copyable {
    private let counters = InlineArray<64, Counter> { _ in Counter() }

    /// Counts one; called by the owning worker only.
    func add(_ fault: MessageFault) { counters[Int(fault.rawValue)].add() }

    func current(_ fault: MessageFault) -> UInt64 { counters[Int(fault.rawValue)].current }

    /// Adds what was counted to a sum by label; what has not happened has no place there.
    func add(to sum: inout [String: UInt64]) {
        for fault in MessageFault.allCases {
            let count = current(fault)
            if count > 0 { sum[fault.label, default: 0] += count }
        }
    }
}
