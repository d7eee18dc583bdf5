/// Which agents of a large troop ask at once when a lease ends; all others stand back, since ten thousand that ask in the
/// same moment would hold up Redis and each other.
package enum Candidacy {
    /// How many hosts ask at once.
    package static let places = 5
    /// Up to so many hosts nobody stands back.
    package static let smallTroop = 8

    /// Whether the host `own` stands back. `live` are the hosts that report; `isPreferred` is true for one that a person gave a
    /// higher priority than the usual: it never does.
    package static func standsBack(_ own: String, live: [String], isPreferred: Bool) -> Bool {
        guard live.count > smallTroop, !isPreferred else { return false }
        let mine = rank(own)
        return live.reduce(into: 0) { ahead, name in if rank(name) < mine { ahead += 1 } } >= places
    }

    /// The same for a name on every host, and evenly spread over all numbers, also for names that differ in their last digit
    /// only.
    static func rank(_ name: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a
        for byte in name.utf8 {
            hash ^= UInt64(byte)
            hash &*= 0x100_0000_01B3
        }
        hash ^= hash >> 32
        return hash &* 0x9E37_79B9_7F4A_7C15
    }
}
