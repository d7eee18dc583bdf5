import Glibc
import Linux

/// An IP network such as `10.0.0.0/8`, or a single address.
package struct Network: Hashable, Sendable, CustomStringConvertible {
    /// Why a text is no network.
    package enum Fault: Error, Equatable, Sendable {
        case badAddress
        case badPrefix
        /// Bits beyond the prefix are set: `10.1.2.3/8` may mean two things.
        case bitsBeyondPrefix
    }

    /// The address, as `SocketAddress` has it: 4 or 16 bytes in network order.
    package let bytes: [UInt8]
    /// The number of leading bits that count.
    package let prefix: Int

    /// Reads `ADDRESS` or `ADDRESS/PREFIX`, numeric.
    package init(_ text: String) throws(Fault) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = try? SocketAddress(host: String(first), port: 1) else {
            throw .badAddress
        }
        bytes = address.bytes
        if parts.count == 2 {
            let digits = parts[1]
            guard (1...3).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }),
                let number = Int(digits), number <= address.bytes.count * 8
            else { throw .badPrefix }
            prefix = number
        } else {
            prefix = address.bytes.count * 8
        }
        for bit in prefix..<(bytes.count * 8) where bytes[bit / 8] & (0x80 >> UInt8(bit % 8)) != 0 {
            throw .bitsBeyondPrefix
        }
    }

    package var description: String {
        guard let address = try? SocketAddress(host: hostText, port: 1) else { return "" }
        return "\(address.host)/\(prefix)"
    }

    private var hostText: String {
        if bytes.count == 4 { return bytes.map { "\($0)" }.joined(separator: ".") }
        return stride(from: 0, to: 16, by: 2).map {
            String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16)
        }.joined(separator: ":")
    }
}

/// An IP address as one 128-bit number in two halves; IPv4 stands as `::ffff:a.b.c.d`.
struct AddressBits: Equatable, BitwiseCopyable {
    var high: UInt64 = 0
    var low: UInt64 = 0

    /// The address in a kernel's answer; zero for families other than IP.
    init(_ storage: inout sockaddr_storage) {
        let family = Int32(storage.ss_family)
        withUnsafeBytes(of: &storage) { raw in
            // The address follows family and port, in IPv6 also the flow.
            if family == AF_INET {
                low =
                    AddressBits.mapped
                    | UInt64(UInt32(bigEndian: raw.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
            } else if family == AF_INET6 {
                high = UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                low = UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
            }
        }
    }

    /// The longest text of an address with its closing zero, as `inet_pton` takes it.
    static let textBytes = 46
    /// The same as `write` makes it: an IPv4 address stands alone, and not behind six groups of an IPv6 one.
    static let writtenBytes = 40
    private static let mapped: UInt64 = 0xffff << 32

    /// Reads a numeric address without brackets or port; nil for everything else.
    init?(text: UnsafePointer<UInt8>, count: Int) {
        guard (2..<AddressBits.textBytes).contains(count) else { return nil }
        var copy = InlineArray<46, CChar>(repeating: 0)
        for index in 0..<count { copy[index] = CChar(bitPattern: text[index]) }
        var old = in_addr()
        var new = in6_addr()
        let found = withUnsafePointer(to: &copy) { pointer -> Int in
            let characters = UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self)
            if inet_pton(AF_INET, characters, &old) == 1 { return 4 }
            return inet_pton(AF_INET6, characters, &new) == 1 ? 6 : 0
        }
        switch found {
        case 4: low = AddressBits.mapped | UInt64(UInt32(bigEndian: old.s_addr))
        case 6:
            withUnsafeBytes(of: &new) {
                high = UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self))
                low = UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            }
        default: return nil
        }
    }

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Writes the canonical text; how many bytes it has, without the closing zero.
    func write(to text: UnsafeMutablePointer<UInt8>) -> Int {
        let characters = UnsafeMutableRawPointer(text).assumingMemoryBound(to: CChar.self)
        if high == 0, low >> 32 == 0xffff {
            var old = UInt32(truncatingIfNeeded: low).bigEndian
            guard inet_ntop(AF_INET, &old, characters, socklen_t(AddressBits.writtenBytes)) != nil else {
                return 0
            }
        } else {
            var halves = (high.bigEndian, low.bigEndian)
            guard inet_ntop(AF_INET6, &halves, characters, socklen_t(AddressBits.writtenBytes)) != nil else {
                return 0
            }
        }
        return strnlen(characters, AddressBits.writtenBytes)
    }
}

/// Networks as a worker compares with them: plain memory, one mask and compare each.
struct TrustedNetworks: BitwiseCopyable {
    private struct Entry: BitwiseCopyable {
        var value: AddressBits
        var mask: AddressBits
    }

    private let entries: UnsafeMutablePointer<Entry>
    private let count: Int

    init(_ networks: [Network]) {
        count = networks.count
        entries = .allocate(capacity: max(1, count))
        for (index, network) in networks.enumerated() {
            var halves: (UInt64, UInt64) = (0, 0)
            let bytes =
                network.bytes.count == 4
                ? [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff] + network.bytes : network.bytes
            for (place, byte) in bytes.enumerated() {
                if place < 8 {
                    halves.0 = halves.0 << 8 | UInt64(byte)
                } else {
                    halves.1 = halves.1 << 8 | UInt64(byte)
                }
            }
            let bits = network.prefix + (network.bytes.count == 4 ? 96 : 0)
            entries[index] = Entry(
                value: AddressBits(high: halves.0, low: halves.1),
                mask: AddressBits(
                    high: TrustedNetworks.mask(min(bits, 64)), low: TrustedNetworks.mask(max(0, bits - 64))))
        }
    }

    func deallocate() { entries.deallocate() }

    private static func mask(_ bits: Int) -> UInt64 { bits == 0 ? 0 : ~0 << UInt64(64 - bits) }

    var isEmpty: Bool { count == 0 }

    /// True when the address lies in one of the networks.
    func contains(_ address: AddressBits) -> Bool {
        for index in 0..<count {
            let entry = entries + index
            if address.high & entry.pointee.mask.high == entry.pointee.value.high,
                address.low & entry.pointee.mask.low == entry.pointee.value.low
            {
                return true
            }
        }
        return false
    }
}
