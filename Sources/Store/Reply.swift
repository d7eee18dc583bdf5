/// One answer of Redis (RESP2).
package enum Reply: Equatable, Sendable {
    case status(String)
    case integer(Int64)
    case bulk([UInt8])
    case array([Reply])
    case null
    case error(ReplyError)

    /// The bytes of a status or of a bulk; nil for all else.
    package var bytes: [UInt8]? {
        switch self {
        case .bulk(let bytes): bytes
        case .status(let text): Array(text.utf8)
        case .integer, .array, .null, .error: nil
        }
    }

    /// The text of a status or of a bulk that is valid UTF-8; nil for all else.
    package var text: String? { bytes.flatMap { String(validating: $0, as: UTF8.self) } }

    /// The text of a string reply with bad UTF-8 replaced; empty for others.
    package var lossyText: String { bytes.map { String(decoding: $0, as: UTF8.self) } ?? "" }

    /// An integer, or the number that a text spells in decimal; nil for all else.
    package var integer: Int64? {
        switch self {
        case .integer(let number): number
        case .status, .bulk: text.flatMap { Int64($0) }
        case .array, .null, .error: nil
        }
    }

    /// The elements of an array; nil for all else.
    package var elements: [Reply]? {
        switch self {
        case .array(let elements): elements
        case .status, .integer, .bulk, .null, .error: nil
        }
    }

    /// The elements of an array two by two, as fields and their values, or members and their scores; nil for all else.
    package var pairs: [(Reply, Reply)]? {
        guard let elements, elements.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: elements.count, by: 2).map { (elements[$0], elements[$0 + 1]) }
    }

    /// The pairs of which both are texts, by the first; empty for what has no pairs.
    package var fields: [String: String] {
        var fields: [String: String] = [:]
        for (name, value) in pairs ?? [] {
            if let name = name.text, let value = value.text { fields[name] = value }
        }
        return fields
    }

    /// The answer to `TIME`, in milliseconds since 1970; nil for all else.
    package var storeMilliseconds: Int64? {
        guard let parts = elements, parts.count == 2, let seconds = parts[0].integer,
            let micros = parts[1].integer, (0...Reply.storeSecondsMax).contains(seconds)
        else { return nil }
        return seconds * 1000 + micros / 1000
    }

    /// A later time is nonsense, in seconds since 1970.
    private static let storeSecondsMax: Int64 = 1 << 40
}
