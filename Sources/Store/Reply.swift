/// One answer of Redis (RESP2).
package enum Reply: Equatable, Sendable {
    case status(String)
    case integer(Int64)
    case bulk([UInt8])
    case array([Reply])
    case null
    case error(ReplyError)

    /// The text of a status or of a bulk that is valid UTF-8; nil for all else.
    package var text: String? {
        switch self {
        case .status(let text): text
        case .bulk(let bytes): String(validating: bytes, as: UTF8.self)
        case .integer, .array, .null, .error: nil
        }
    }

    /// The text of a string reply with bad UTF-8 replaced; empty for others.
    package var lossyText: String {
        switch self {
        case .bulk(let bytes): String(decoding: bytes, as: UTF8.self)
        case .status(let text): text
        case .integer, .array, .null, .error: ""
        }
    }

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
}
