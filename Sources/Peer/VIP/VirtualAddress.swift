import Glibc
import Linux

/// An address that moves from leader to leader, on one interface.
package struct VirtualAddress: Sendable, Hashable, CustomStringConvertible {
    /// An address with the length of its network's prefix.
    package struct Prefix: Sendable, Hashable {
        /// 4 or 16 bytes in network order.
        package var bytes: [UInt8]
        /// 1 to the number of bits that the address has.
        package var bits: Int
    }

    package var prefix: Prefix
    package var interface: String

    /// AF_INET or AF_INET6.
    var family: Int32 { prefix.bytes.count == 4 ? AF_INET : AF_INET6 }

    /// The address alone.
    package var host: String {
        var buffer = [UInt8](repeating: 0, count: 64)
        let isWritten = prefix.bytes.withUnsafeBytes { bytes in
            buffer.withUnsafeMutableBytes { text in
                text.withMemoryRebound(to: CChar.self) {
                    inet_ntop(family, bytes.baseAddress, $0.baseAddress, socklen_t($0.count)) != nil
                }
            }
        }
        return isWritten ? String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self) : "?"
    }

    package var description: String { "\(host)/\(prefix.bits) on \(interface)" }
}

/// The leader's address and how it is given up.
package struct VIPSettings: Sendable, Equatable {
    package var address: VirtualAddress
    /// How long a host that leads no more keeps it, in milliseconds.
    package var drainMilliseconds: Int64
    /// How long it is kept in limbo, in milliseconds.
    package var limboMilliseconds: Int64
}
