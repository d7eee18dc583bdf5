/// The grammar of `Forwarded` (RFC 7239 §4): elements parted by commas, of pairs parted by semicolons, each a token, `=`
/// and a token or a quoted string.
///
/// Whoever adds an element of his own behind others must know that none of them ends within a quoted string, which would
/// hold his element as well.
public enum ForwardedSyntax {
    private static let quote = UInt8(ascii: "\"")
    private static let backslash = UInt8(ascii: "\\")
    private static let semicolon = UInt8(ascii: ";")

    /// True for a value that keeps to the grammar, empty elements and pairs included. Blanks may stand around semicolons
    /// as around commas: many write them, and they hide nothing.
    public static func isValid(_ value: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        var index = 0
        while true {
            index = afterBlanks(value, index, count)
            if index < count, value[index] != Bytes.comma, value[index] != semicolon {
                guard let end = afterPair(value, index, count) else { return false }
                index = afterBlanks(value, end, count)
            }
            guard index < count else { return true }
            guard value[index] == Bytes.comma || value[index] == semicolon else { return false }
            index += 1
        }
    }

    private static func afterBlanks(_ value: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Int {
        var index = start
        while index < count, Bytes.isBlank(value[index]) { index += 1 }
        return index
    }

    private static func afterPair(_ value: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Int? {
        let equals = Bytes.endOfToken(value, from: start, to: count)
        guard equals > start, equals + 1 < count, value[equals] == UInt8(ascii: "=") else { return nil }
        let first = equals + 1
        if value[first] == quote { return afterQuoted(value, first + 1, count) }
        let end = Bytes.endOfToken(value, from: first, to: count)
        return end > first ? end : nil
    }

    /// The place behind the closing quote (RFC 9110 §5.6.4); nil when there is none.
    private static func afterQuoted(_ value: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Int? {
        var index = start
        while index < count, Bytes.isValue(value[index]) {
            if value[index] == quote { return index + 1 }
            if value[index] == backslash {
                index += 1
                guard index < count, Bytes.isValue(value[index]) else { return nil }
            }
            index += 1
        }
        return nil
    }
}
