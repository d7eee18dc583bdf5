package import Linux

extension ServerEntry {
    /// Reads where a server listens, canonical; throws `.address` for what no proxy can send a request to.
    package static func address(_ text: String) throws(ServerEntryFault) -> SocketAddress {
        let address: SocketAddress
        do {
            address = try SocketAddress(text)
        } catch {
            switch error {
            case .notNumeric: throw .address("\(error); \(example)")
            case .noPort, .badPort: throw .address(error.description)
            }
        }
        if let why = unreachable(address) { throw .address("\(address.host) \(why); \(example)") }
        return address
    }

    private static let example = "expected the address of one server, as 10.0.0.9:3000"

    private static func unreachable(_ address: SocketAddress) -> String? {
        if address.isWildcard { return "is where a program listens, not an address that others can reach" }
        if address.isBroadcast { return "is the broadcast address" }
        if address.isMulticast { return "is a multicast address" }
        return nil
    }
}
