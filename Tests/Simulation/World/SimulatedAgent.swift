import Election
import Linux
import Peer

/// One agent: the shipping cores, and what the shells around them would keep.
struct SimulatedAgent {
    let index: Int
    let host: String
    let door: SocketAddress
    var roster: SimulatedRoster
    var settings: ElectionSettings
    var core: LeaseCore
    var watch = HolderWatch()
    var clock: LocalClock
    var run = 0

    // The process and its machine.
    var isUp = true
    var frozenUntil: Int64 = 0
    /// When, by its own clock, its machine last stood still, clock and all.
    var stoppedAt = Instant(nanoseconds: 0)
    /// It got a lease back, in true time too late, because its clock had stood still and the store was emptied: for
    /// one time to live two may believe.
    var reprievedUntil: Int64 = .min / 2
    /// `epoch.json`.
    var diskEpoch: Int64 = 0
    /// On disk, too.
    var orders = OrderBook()

    // The elector.
    var number = 0
    var awaits: Int?
    var generation = 0
    var node = 0
    /// Asks, or answers, do not get through before.
    var deafUntil: Int64 = 0
    var muteUntil: Int64 = 0
    /// On the side of the old master, when the network is split.
    var isOnOldSide = false

    // The door.
    var shown: Lease?
    var visitors: [(agent: Int, call: Int)] = []
    var call = 0
    var callGeneration = 0
    var lookout: Lease?
}
