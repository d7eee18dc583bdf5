/// What one door of an `HTTPServer` (one listener) allows its clients.
package struct DoorLimits: Equatable, Sendable {
    /// Connections at a time; beyond it the one that has kept a request open for longest makes room.
    package var connections = 1024
    /// From a request's first byte, or the connection's start, to the end of its head.
    package var headMilliseconds: Int64 = 5000
    /// From a request's first byte to the end of its body.
    package var bodyMilliseconds: Int64 = 30_000
    /// Between two requests.
    package var idleMilliseconds: Int64 = 30_000
    /// While an answer is sent, without the client's taking any of it.
    package var stallMilliseconds: Int64 = 10_000
    /// How long a closing connection is read on, so that the last answer is not lost to a reset.
    package var lingerMilliseconds: Int64 = 2000

    /// The defaults, for servers that answer people and scripts.
    package init() {}
}
