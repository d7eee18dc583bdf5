package import Linux
package import Store

extension Roster {
    /// This host's own application.
    package struct OwnServer: Sendable {
        package var address: SocketAddress
        package var weight: Int

        /// An application from its address and weight.
        package init(address: SocketAddress, weight: Int) {
            self.address = address
            self.weight = weight
        }
    }

    /// Where the roster stands in the troop.
    package struct Place: Sendable {
        package var host: String
        package var keys: Keys
        package var own: OwnServer?
        /// Routes requests even where it does not lead, and therefore reads the list as often as a leader.
        package var alwaysRoutes: Bool

        /// A place from its parts.
        package init(host: String, keys: Keys, own: OwnServer?, alwaysRoutes: Bool = false) {
            self.host = host
            self.keys = keys
            self.own = own
            self.alwaysRoutes = alwaysRoutes
        }
    }
}
