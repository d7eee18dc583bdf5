/// The keys that session tickets are sealed with: each seals for its lifetime, and opens for three of them.
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
        /// When it was made, in nanoseconds.
        let born: Int64

        /// A key made of `bytes` random bytes.
        init(_ random: [UInt8], at now: Int64) {
            born = now
            name = Array(random[0..<Key.nameBytes])
            cipher = Array(random[Key.nameBytes..<Key.nameBytes + Key.secretBytes])
            mac = Array(random[(Key.nameBytes + Key.secretBytes)...])
        }
    }

    /// A key is forgotten so many lifetimes after it was made.
    private static let lifetimesMax: Int64 = 3

    /// How long a key seals, in nanoseconds.
    private let lifetime: Int64
    /// The newest first.
    private var keys: [Key] = []

    init(lifetime: Int64) { self.lifetime = lifetime }

    /// The key to seal with; `random` makes a new one when the last one's time is over, and may fail.
    mutating func sealing(at now: Int64, random: () -> [UInt8]?) -> Key? {
        forget(at: now)
        if let key = keys.first, now - key.born < lifetime { return key }
        guard let bytes = random(), bytes.count == Key.bytes else { return nil }
        let key = Key(bytes, at: now)
        keys.insert(key, at: 0)
        return key
    }

    /// The key of a ticket and whether it still seals; nil when it is unknown or too old.
    mutating func opening(_ name: UnsafeBufferPointer<UInt8>, at now: Int64) -> (key: Key, isNewest: Bool)? {
        forget(at: now)
        for (index, key) in keys.enumerated() where name.elementsEqual(key.name) {
            return (key, index == 0 && now - key.born < lifetime)
        }
        return nil
    }

    /// Forgets the keys whose time is over, so that what they have sealed can be opened by nobody any more.
    private mutating func forget(at now: Int64) {
        keys.removeAll { now - $0.born >= lifetime * TicketKeys.lifetimesMax }
    }
}
