/// Walks a comma-separated list of tokens (RFC 9110 §5.6.1), empty elements allowed.
struct TokenList {
    private let base: UnsafePointer<UInt8>
    private let count: Int
    private var index = 0
    /// The elements passed so far, empty ones as well; all of them once `next` has said nil.
    private(set) var elements = 1

    /// True for a list without any element, or of empty ones only.
    static func isEmpty(_ base: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        for index in 0..<count where !Bytes.isBlank(base[index]) && base[index] != Bytes.comma {
            return false
        }
        return true
    }

    init(_ base: UnsafePointer<UInt8>, _ count: Int) {
        self.base = base
        self.count = count
    }

    /// The next token, or nil at the end; throws when an element is not a token.
    mutating func next() throws(MessageFault) -> ByteRange? {
        while index < count, Bytes.isBlank(base[index]) || base[index] == Bytes.comma {
            if base[index] == Bytes.comma { elements += 1 }
            index += 1
        }
        guard index < count else { return nil }
        let start = index
        while index < count, Bytes.isToken(base[index]) { index += 1 }
        let token = ByteRange(start, index)
        while index < count, Bytes.isBlank(base[index]) { index += 1 }
        guard token.count > 0, index == count || base[index] == Bytes.comma else { throw .badConnectionField }
        return token
    }
}
