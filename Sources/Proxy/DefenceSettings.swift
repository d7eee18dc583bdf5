/// What one client, or one exchange, may take of the proxy besides what its other limits say.
package struct DefenceSettings: Sendable, Equatable {
    /// Connections that one client address may have open, over all workers; 0 for no limit.
    package var connectionsPerClient = 0
    /// From a request's first byte to its response's last; looked at once a second. 0 for no limit.
    package var totalMilliseconds: Int64 = 0

    package init() {}
}
