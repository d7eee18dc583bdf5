package import Glibc

/// Why a text is not an `address:port`.
package enum SocketAddressFault: Error, Equatable, Sendable, CustomStringConvertible {
    case noPort(String)
    case badPort(String)
    case notNumeric(String)

    package var description: String {
        switch self {
        case .noPort(let text):
            "'\(text)' has no port; expected ADDRESS:PORT, as 10.0.0.5:3000 or [fd00::5]:3000"
        case .badPort(let text): "'\(text)' has a bad port; expected a number from 1 to 65535"
        case .notNumeric(let text): "'\(text)' is not a numeric IPv4 or [IPv6] address"
        }
    }
}

/// A numeric IP address with a port; its text form is canonical, so equal addresses have equal texts. An
/// IPv4-mapped IPv6 address is read as the IPv4 address that it stands for.
package struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// The address's bytes: 4 of IPv4 or 16 of IPv6, in network order.
    package let bytes: [UInt8]
    /// The port, in host order; 0 only where the kernel is to choose one.
    package let port: UInt16

    /// Reads `10.0.0.5:3000` or `[fd00::5]:3000`; throws what is wrong with it. Port 0 is refused unless allowed.
    package init(_ text: String, allowingPortZero: Bool = false) throws(SocketAddressFault) {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { throw .noPort(text) }
        var host = String(text[..<colon])
        let digits = text[text.index(after: colon)...]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
            guard host.utf8.contains(UInt8(ascii: ":")) else { throw .notNumeric(text) }
        } else if host.utf8.contains(UInt8(ascii: ":")) {
            throw .noPort(text)  // a bare IPv6 address: without brackets its port cannot be told
        }
        guard digits.utf8.count <= 5, digits.utf8.allSatisfy({ (48...57).contains($0) }),
            let port = UInt16(digits), port > 0 || allowingPortZero
        else { throw .badPort(text) }
        guard let bytes = SocketAddress.numeric(host) else { throw .notNumeric(text) }
        self.bytes = bytes
        self.port = port
    }

    /// An address from its parts; `host` is a numeric IPv4 or IPv6 address without brackets.
    package init(host: String, port: UInt16) throws(SocketAddressFault) {
        guard let bytes = SocketAddress.numeric(host) else { throw .notNumeric(host) }
        self.bytes = bytes
        self.port = port
    }

    private init(bytes: [UInt8], port: UInt16) {
        self.bytes = bytes
        self.port = port
    }

    /// The address part alone, canonical, without brackets.
    package var host: String {
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        guard inet_ntop(family, bytes, &buffer, socklen_t(buffer.count)) != nil else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// True for 127.0.0.0/8 and ::1.
    package var isLoopback: Bool {
        bytes.count == 4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1
    }

    /// True for 224.0.0.0/4 and ff00::/8.
    package var isMulticast: Bool { bytes.count == 4 ? bytes[0] >> 4 == 0xe : bytes[0] == 0xff }

    /// True for 0.0.0.0 and ::, where a listener means all of its host's addresses.
    package var isWildcard: Bool { bytes.allSatisfy { $0 == 0 } }

    /// True for 255.255.255.255.
    package var isBroadcast: Bool { bytes == [255, 255, 255, 255] }

    /// Where a client on this host reaches a listener of this address: loopback for the wildcard addresses.
    package var asClient: SocketAddress {
        guard isWildcard else { return self }
        return SocketAddress(
            bytes: bytes.count == 4 ? [127, 0, 0, 1] : Array(bytes.dropLast()) + [1], port: port)
    }

    package var description: String { bytes.count == 4 ? "\(host):\(port)" : "[\(host)]:\(port)" }

    /// The IPv4-mapped IPv6 spelling of an IPv4 address, which is read as the same address; nil for IPv6.
    package var mappedDescription: String? { bytes.count == 4 ? "[::ffff:\(host)]:\(port)" : nil }

    /// `AF_INET` or `AF_INET6`.
    package var family: Int32 { bytes.count == 4 ? AF_INET : AF_INET6 }

    /// Calls `body` with the address as the kernel wants it (`bind`, `connect`).
    package func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        var storage = sockaddr_storage()
        let length = withUnsafeMutableBytes(of: &storage) { raw -> socklen_t in
            if bytes.count == 4 {
                var v4 = sockaddr_in()
                v4.sin_family = sa_family_t(AF_INET)
                v4.sin_port = port.bigEndian
                withUnsafeMutableBytes(of: &v4.sin_addr) { $0.copyBytes(from: bytes) }
                withUnsafeBytes(of: v4) { raw.copyMemory(from: $0) }
                return socklen_t(MemoryLayout<sockaddr_in>.size)
            }
            var v6 = sockaddr_in6()
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = port.bigEndian
            withUnsafeMutableBytes(of: &v6.sin6_addr) { $0.copyBytes(from: bytes) }
            withUnsafeBytes(of: v6) { raw.copyMemory(from: $0) }
            return socklen_t(MemoryLayout<sockaddr_in6>.size)
        }
        return withUnsafePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }

    /// The address in a kernel's answer (`accept`, `getsockname`); nil for families other than IP.
    package init?(_ storage: sockaddr_storage) {
        var storage = storage
        switch Int32(storage.ss_family) {
        case AF_INET:
            let v4 = withUnsafeBytes(of: &storage) { $0.loadUnaligned(as: sockaddr_in.self) }
            bytes = withUnsafeBytes(of: v4.sin_addr) { Array($0) }
            port = UInt16(bigEndian: v4.sin_port)
        case AF_INET6:
            let v6 = withUnsafeBytes(of: &storage) { $0.loadUnaligned(as: sockaddr_in6.self) }
            bytes = withUnsafeBytes(of: v6.sin6_addr) { Array($0) }
            port = UInt16(bigEndian: v6.sin6_port)
        default: return nil
        }
    }

    private static let mappedPrefix = [UInt8](repeating: 0, count: 10) + [0xff, 0xff]

    private static func numeric(_ host: String) -> [UInt8]? {
        var v4 = in_addr()
        if inet_pton(AF_INET, host, &v4) == 1 { return withUnsafeBytes(of: v4) { Array($0) } }
        var v6 = in6_addr()
        guard inet_pton(AF_INET6, host, &v6) == 1 else { return nil }
        let bytes = withUnsafeBytes(of: v6) { Array($0) }
        // ::ffff:a.b.c.d (RFC 4291 §2.5.5.2) reaches the same peer as a.b.c.d: one address, one text.
        return bytes.starts(with: mappedPrefix) ? Array(bytes.suffix(4)) : bytes
    }
}
