import Glibc

/// What one worker knows of one server besides its load, in plain memory indexed by slot.
struct ServerSlot: BitwiseCopyable {
    /// Tells the servers apart that the slot has held; 0 for none yet.
    var incarnation: UInt32 = 0
    /// New requests may go there, and idle connections are kept.
    var isActive = false
    var firstIdle = Slab<Upstream>.none
    var idleCount: Int32 = 0
    /// When the server's slow start began, in nanoseconds; 0 when it has its full share.
    var rampStart: Int64 = 0
    /// Until when it is passed over because it refused a connect.
    var shunnedUntil: Int64 = 0
    var idleLimit = IdleLimit()
    /// A stable hash of the address.
    var name: UInt64 = 0
    var family: Int32 = 0
    var addressLength = socklen_t(0)
    /// A `sockaddr_in` or `sockaddr_in6`.
    var address = InlineArray<4, UInt64>(repeating: 0)
    var textLength: UInt8 = 0
    /// `address:port`, for messages and for requests without a host.
    var text = InlineArray<56, UInt8>(repeating: 0)
}
