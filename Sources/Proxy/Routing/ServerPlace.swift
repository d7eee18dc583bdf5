import Glibc
import Linux

/// Where a slot's server is, as the kernel and messages want it: plain memory, written before any worker knows
/// of the slot's server and left alone until none does.
struct ServerPlace: BitwiseCopyable {
    static let textBytes = 56

    /// Tells the servers apart that one slot has held.
    var incarnation: UInt32 = 0
    var family: Int32 = 0
    var addressLength = socklen_t(0)
    var textLength: UInt8 = 0
    /// A stable hash of the address, the same on every host.
    var name: UInt64 = 0
    /// A `sockaddr_in` or `sockaddr_in6`.
    var address = InlineArray<4, UInt64>(repeating: 0)
    /// `address:port`, for messages and for requests without a host.
    var text = InlineArray<56, UInt8>(repeating: 0)

    init(_ socket: SocketAddress, incarnation: UInt32) {
        self.incarnation = incarnation
        family = socket.family
        socket.withSockaddr { pointer, length in
            addressLength = length
            withUnsafeMutableBytes(of: &address) {
                $0.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: min(Int(length), $0.count)))
            }
        }
        name = StableHash.of(socket)
        if socket.bytes.count == 4 { writeFour(socket) } else { writeText(socket.description) }
    }

    private mutating func append(_ byte: UInt8) {
        guard Int(textLength) < ServerPlace.textBytes else { return }
        text[Int(textLength)] = byte
        textLength += 1
    }

    private mutating func append(decimal number: Int) {
        var divisor = 10_000
        while divisor > 1, number < divisor { divisor /= 10 }
        while divisor > 0 {
            append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }

    /// By hand: a list of thousands is to be published in milliseconds.
    private mutating func writeFour(_ socket: SocketAddress) {
        for (index, byte) in socket.bytes.enumerated() {
            if index > 0 { append(UInt8(ascii: ".")) }
            append(decimal: Int(byte))
        }
        append(UInt8(ascii: ":"))
        append(decimal: Int(socket.port))
    }

    private mutating func writeText(_ text: String) {
        for byte in text.utf8 { append(byte) }
    }
}

/// Hashes that are the same in every process: they outlive a change of the leader.
enum StableHash {
    /// Spreads every bit of a number over all (the finisher of SplitMix64).
    @inline(__always)
    static func mix(_ number: UInt64) -> UInt64 {
        var word = number &+ 0x9e37_79b9_7f4a_7c15
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }

    static func of(_ socket: SocketAddress) -> UInt64 {
        var word = mix(UInt64(socket.port))
        for byte in socket.bytes { word = mix(word ^ UInt64(byte)) }
        return word
    }

    /// The hash of a few bytes, as of a client's address.
    static func of(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
        var word: UInt64 = 0xcbf2_9ce4_8422_2325
        for index in 0..<count { word = (word ^ UInt64(bytes[index])) &* 0x100_0000_01b3 }
        return mix(word)
    }
}
