/// The name a client asks for in its first message (RFC 6066 §3).
enum ServerNameExtension {
    /// The longest name that DNS knows.
    private static let nameBytesMax = 255

    /// The host name in the extension's bytes, in lower case and without a final dot; nil when they are not as they
    /// should be.
    static func name(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        // A list's length, then its entries: a type (0: host name), a length, the name. Only one is ever sent.
        guard bytes.count > 5, Int(bytes[0]) << 8 | Int(bytes[1]) == bytes.count - 2, bytes[2] == 0 else {
            return nil
        }
        let count = Int(bytes[3]) << 8 | Int(bytes[4])
        guard count > 0, count <= nameBytesMax, count <= bytes.count - 5 else { return nil }
        var name = String(decoding: UnsafeBufferPointer(rebasing: bytes[5..<5 + count]), as: UTF8.self)
            .lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        return name
    }
}
