/// Walks a comma-separated list of tokens (RFC 9110 §5.6.1), empty elements allowed.
struct TokenList {
    private let base: UnsafePointer<UInt8>
    private let count: Int
    private var index = 0

    init(_ base: UnsafePointer<UInt8>, _ count: Int) {
        self.base = base
        self.count = count
    }

    /// The next token, or nil at the end; throws when an element is not a token.
    mutating func next() throws(MessageFault) -> ByteRange? {
        while index < count, Bytes.isBlank(base[index]) || base[index] == Bytes.comma { index += 1 }
        guard index < count else { return nil }
        let start = index
        while index < count, Bytes.isToken(base[index]) { index += 1 }
        let token = ByteRange(start, index)
        while index < count, Bytes.isBlank(base[index]) { index += 1 }
        guard token.count > 0, index == count || base[index] == Bytes.comma else { throw .badConnectionField }
        return token
    }
}
