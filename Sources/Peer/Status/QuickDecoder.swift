import FoundationEssentials

/// Reads documents of many members, as `QuickEncoder` and `JSONForm` write them, several times as fast as `JSONDecoder`.
/// The JSON is an agent's own: without white space; anything else is an error and no guess.
struct QuickDecoder: Decoder {
    private let value: ArraySlice<UInt8>
    private let names: Names

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// The document in some bytes; throws what cannot be read.
    static func document<Document: Decodable>(_ type: Document.Type, from bytes: [UInt8]) throws -> Document {
        var end = bytes.endIndex
        while end > 0, bytes[end - 1] == UInt8(ascii: "\n") { end -= 1 }
        return try Document(from: QuickDecoder(value: bytes[..<end], names: Names()))
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard value.first == UInt8(ascii: "{") else { throw QuickDecoder.fault("no object") }
        return KeyedDecodingContainer(Members<Key>(JSONMembers.slices(of: value), names))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard value.first == UInt8(ascii: "[") else { throw QuickDecoder.fault("no array") }
        return Elements(values: JSONMembers.elements(of: value), names: names)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { Single(value: value, names: names) }

    /// The members' names as they stand in the JSON, by the keys of the types.
    private final class Names {
        private var known: [String: [UInt8]] = [:]

        func bytes(_ key: String) -> [UInt8] {
            if let bytes = known[key] { return bytes }
            let bytes = Array(SnakeCase.name(key).utf8)
            known[key] = bytes
            return bytes
        }
    }

    private static func fault(_ what: String) -> DecodingError {
        .dataCorrupted(.init(codingPath: [], debugDescription: what))
    }

    private static func isNull(_ value: ArraySlice<UInt8>) -> Bool { value.first == UInt8(ascii: "n") }

    private static func decode<Value: Decodable>(
        _ type: Value.Type, _ value: ArraySlice<UInt8>, _ names: Names
    ) throws -> Value {
        let found: Any?
        if type == String.self {
            found = try text(value)
        } else if type == Bool.self {
            found = value.elementsEqual("true".utf8) ? true : value.elementsEqual("false".utf8) ? false : nil
        } else if type == Double.self {
            found = Double(String(decoding: value, as: UTF8.self))
        } else if type == Int.self {
            found = Int(String(decoding: value, as: UTF8.self))
        } else if type == Int64.self {
            found = Int64(String(decoding: value, as: UTF8.self))
        } else if type == UInt64.self {
            found = UInt64(String(decoding: value, as: UTF8.self))
        } else {
            return try Value(from: QuickDecoder(value: value, names: names))
        }
        guard let found = found as? Value else { throw fault("no \(type)") }
        return found
    }

    private static func text(_ value: ArraySlice<UInt8>) throws -> String {
        guard value.count >= 2, value.first == UInt8(ascii: "\""), value.last == UInt8(ascii: "\"") else {
            throw fault("no text")
        }
        let inner = value.dropFirst().dropLast()
        if !inner.contains(UInt8(ascii: "\\")) { return String(decoding: inner, as: UTF8.self) }
        return try JSONDecoder().decode(String.self, from: Data(value))
    }

    private struct Members<Key: CodingKey>: KeyedDecodingContainerProtocol {
        private let members: [JSONMembers.Slice]
        private let names: Names

        init(_ members: [JSONMembers.Slice], _ names: Names) {
            self.members = members
            self.names = names
        }

        var codingPath: [any CodingKey] { [] }
        var allKeys: [Key] {
            members.compactMap { Key(stringValue: String(decoding: $0.name, as: UTF8.self)) }
        }

        private func value(_ key: Key) -> ArraySlice<UInt8>? {
            let name = names.bytes(key.stringValue)
            return members.first { $0.name.count == name.count && $0.name.elementsEqual(name) }?.value
        }

        func contains(_ key: Key) -> Bool { value(key) != nil }
        func decodeNil(forKey key: Key) -> Bool { value(key).map(QuickDecoder.isNull) ?? true }
        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
            guard let value = value(key) else { throw QuickDecoder.fault("no \(key.stringValue)") }
            return try QuickDecoder.decode(type, value, names)
        }
        func nestedContainer<Inner: CodingKey>(
            keyedBy type: Inner.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<Inner> {
            try QuickDecoder(value: value(key) ?? [], names: names).container(keyedBy: type)
        }
        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            try QuickDecoder(value: value(key) ?? [], names: names).unkeyedContainer()
        }
        func superDecoder() throws -> any Decoder { throw QuickDecoder.fault("no classes") }
        func superDecoder(forKey key: Key) throws -> any Decoder { throw QuickDecoder.fault("no classes") }
    }

    private struct Elements: UnkeyedDecodingContainer {
        let values: [ArraySlice<UInt8>]
        let names: Names
        var codingPath: [any CodingKey] { [] }
        var count: Int? { values.count }
        var isAtEnd: Bool { currentIndex >= values.count }
        private(set) var currentIndex = 0

        init(values: [ArraySlice<UInt8>], names: Names) {
            self.values = values
            self.names = names
        }

        private mutating func next() throws -> ArraySlice<UInt8> {
            guard !isAtEnd else { throw QuickDecoder.fault("no more elements") }
            defer { currentIndex += 1 }
            return values[currentIndex]
        }

        mutating func decodeNil() throws -> Bool {
            guard !isAtEnd, QuickDecoder.isNull(values[currentIndex]) else { return false }
            currentIndex += 1
            return true
        }
        mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            try QuickDecoder.decode(type, try next(), names)
        }
        mutating func nestedContainer<Inner: CodingKey>(
            keyedBy type: Inner.Type
        ) throws -> KeyedDecodingContainer<Inner> {
            try QuickDecoder(value: try next(), names: names).container(keyedBy: type)
        }
        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
            try QuickDecoder(value: try next(), names: names).unkeyedContainer()
        }
        mutating func superDecoder() throws -> any Decoder { throw QuickDecoder.fault("no classes") }
    }

    private struct Single: SingleValueDecodingContainer {
        let value: ArraySlice<UInt8>
        let names: Names
        var codingPath: [any CodingKey] { [] }

        func decodeNil() -> Bool { QuickDecoder.isNull(value) }
        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            try QuickDecoder.decode(type, value, names)
        }
    }
}
