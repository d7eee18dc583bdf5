/// The keys that session tickets are sealed with: the newest seals, it and the two before it open.
///
/// A value without clock or chance; whoever holds it gives both.
struct TicketKeys {
    struct Key: Equatable {
        static let nameBytes = 16
        static let secretBytes = 32
        /// Random bytes that a key is made of.
        static let bytes = nameBytes + 2 * secretBytes

        let name: [UInt8]
        let cipher: [UInt8]
        let mac: [UInt8]

        /// A key made of `bytes` random bytes.
        init(_ random: [UInt8]) {
            name = Array(random[0..<Key.nameBytes])
            cipher = Array(random[Key.nameBytes..<Key.nameBytes + Key.secretBytes])
            mac = Array(random[(Key.nameBytes + Key.secretBytes)...])
        }
    }

    private static let keysMax = 3

    /// How long a key seals, in nanoseconds.
    private let lifetime: Int64
    private var keys: [Key] = []
    private var newest: Int64 = 0

    init(lifetime: Int64) { self.lifetime = lifetime }

    /// The key to seal with; `random` makes a new one when the last one's time is over, and may fail.
    mutating func sealing(at now: Int64, random: () -> [UInt8]?) -> Key? {
        rotate(at: now)
        if let key = keys.first, now - newest < lifetime { return key }
        guard let bytes = random(), bytes.count == Key.bytes else { return nil }
        let key = Key(bytes)
        keys.insert(key, at: 0)
        if keys.count > TicketKeys.keysMax { keys.removeLast() }
        newest = now
        return key
    }

    /// The key of a ticket and whether it still seals; nil when it is unknown or too old.
    mutating func opening(_ name: UnsafeBufferPointer<UInt8>, at now: Int64) -> (key: Key, isNewest: Bool)? {
        rotate(at: now)
        for (index, key) in keys.enumerated() where name.elementsEqual(key.name) {
            return (key, index == 0 && now - newest < lifetime)
        }
        return nil
    }

    /// Forgets keys that nobody has replaced although their time is long over.
    private mutating func rotate(at now: Int64) {
        if now - newest >= lifetime * Int64(TicketKeys.keysMax) { keys.removeAll() }
    }
}
