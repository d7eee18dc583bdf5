import Synchronization

/// What one connection to Redis has gone through, for metrics: read from anywhere, without waiting for the store.
package final class StoreMeter: Sendable {
    private let roundTripCount = Atomic<Int>(0)
    private let errorCount = Atomic<Int>(0)
    private let connectCount = Atomic<Int>(0)
    private let nanoseconds = Atomic<Int64>(0)
    private let isUpNow = Atomic<Bool>(false)
    private let peerAddress = Mutex<String?>(nil)

    /// Whether Redis answered the last call.
    package var isUp: Bool { isUpNow.load(ordering: .relaxed) }
    /// The address that the last connection went to, IPv6 in brackets: that of Redis, or of a proxy before it. Nil before the
    /// first one, and with a unix socket.
    package var peer: String? { peerAddress.withLock(\.self) }
    /// Calls and pipelines that Redis answered; each is one round trip.
    package var roundTrips: Int { roundTripCount.load(ordering: .relaxed) }
    /// Calls that failed, those that failed at once because of an earlier fault included.
    package var errors: Int { errorCount.load(ordering: .relaxed) }
    /// Connections made.
    package var connects: Int { connectCount.load(ordering: .relaxed) }
    /// The time of all answered calls, in nanoseconds.
    package var answeredNanoseconds: Int64 { nanoseconds.load(ordering: .relaxed) }

    func noteAnswer(nanoseconds spent: Int64) {
        roundTripCount.add(1, ordering: .relaxed)
        nanoseconds.add(max(0, spent), ordering: .relaxed)
        isUpNow.store(true, ordering: .relaxed)
    }
    func noteError(isUp: Bool) {
        errorCount.add(1, ordering: .relaxed)
        isUpNow.store(isUp, ordering: .relaxed)
    }
    func noteConnect(to peer: String?) {
        connectCount.add(1, ordering: .relaxed)
        peerAddress.withLock { $0 = peer }
    }
}
