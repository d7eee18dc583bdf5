/// Takes apart JSON that this program wrote itself, without decoding it: the members of an object and the elements of
/// an array, as the bytes of their values. It trusts its input to be well-formed and without white space.
enum JSONMembers {
    /// One member of an object: its name without quotes, and the bytes of its value.
    struct Member: Equatable, Sendable {
        var name: String
        var value: ArraySlice<UInt8>
    }

    /// One member with the bytes of its name, which cost no text.
    struct Slice {
        var name: ArraySlice<UInt8>
        var value: ArraySlice<UInt8>
    }

    /// The members of an object; none for anything else.
    static func members(of object: ArraySlice<UInt8>) -> [Member] {
        slices(of: object).map { Member(name: String(decoding: $0.name, as: UTF8.self), value: $0.value) }
    }

    /// The members of an object as they stand there; none for anything else.
    static func slices(of object: ArraySlice<UInt8>) -> [Slice] {
        var members: [Slice] = []
        for part in parts(of: object, open: UInt8(ascii: "{"), close: UInt8(ascii: "}")) {
            let end = endOfText(part, from: part.startIndex)
            guard end < part.endIndex, part[end] == UInt8(ascii: ":") else { return [] }
            members.append(Slice(name: part[(part.startIndex + 1)..<(end - 1)], value: part[(end + 1)...]))
        }
        return members
    }

    /// The elements of an array; none for anything else.
    static func elements(of array: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        parts(of: array, open: UInt8(ascii: "["), close: UInt8(ascii: "]"))
    }

    /// What stands between the commas of the outermost brackets.
    private static func parts(
        of bytes: ArraySlice<UInt8>, open: UInt8, close: UInt8
    ) -> [ArraySlice<UInt8>] {
        guard bytes.first == open, bytes.last == close else { return [] }
        let last = bytes.endIndex - 1
        var parts: [ArraySlice<UInt8>] = []
        var start = bytes.startIndex + 1
        var index = start
        var depth = 0
        while index < last {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index = endOfText(bytes, from: index)
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: ",") where depth == 0:
                parts.append(bytes[start..<index])
                start = index + 1
            default: break
            }
            index += 1
        }
        if start < last { parts.append(bytes[start..<last]) }
        return parts
    }

    /// The index after the text that begins at a quotation mark.
    private static func endOfText(_ bytes: ArraySlice<UInt8>, from start: Int) -> Int {
        var index = start + 1
        while index < bytes.endIndex {
            switch bytes[index] {
            case UInt8(ascii: "\\"): index += 2
            case UInt8(ascii: "\""): return index + 1
            default: index += 1
            }
        }
        return bytes.endIndex
    }
}
