import Glibc

/// What one worker knows of one server, in plain memory indexed by slot.
struct ServerSlot: BitwiseCopyable {
    static let textBytes = 56

    var isKnown = false
    /// New requests may go there, and idle connections are kept.
    var isActive = false
    var firstIdle = Slab<Upstream>.none
    var idleCount: Int32 = 0
    var inFlight: Int32 = 0
    var family: Int32 = 0
    var addressLength = socklen_t(0)
    /// A `sockaddr_in` or `sockaddr_in6`.
    var address = InlineArray<4, UInt64>(repeating: 0)
    var textLength: UInt8 = 0
    /// `address:port`, for messages and for requests without a host.
    var text = InlineArray<56, UInt8>(repeating: 0)
}
