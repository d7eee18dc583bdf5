import FoundationEssentials

/// Writes documents of many members as JSON about ten times as fast as `JSONEncoder`: the same names and values as
/// `JSONForm`, members in the order of their declaration. For documents of structures, arrays, texts, numbers and truths.
struct QuickEncoder: Encoder {
    private let sink: Sink

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// The bytes of a document; nil when it holds a number that no JSON can hold.
    static func bytes(_ document: some Encodable, capacity: Int = 0) -> [UInt8]? {
        let sink = Sink()
        sink.bytes.reserveCapacity(capacity)
        do { try sink.write(document) } catch { return nil }
        return sink.bytes
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        sink.open(UInt8(ascii: "{"))
        return KeyedEncodingContainer(Members(sink: sink))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        sink.open(UInt8(ascii: "["))
        return Elements(sink: sink)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { Single(sink: sink) }

    /// Where all containers of one document write to.
    private final class Sink {
        private var row = JSONRow()
        var bytes: [UInt8] {
            _read { yield row.bytes }
            _modify { yield &row.bytes }
        }
        /// The brackets that are open, and whether something stands in them.
        private var open: [(bracket: UInt8, isEmpty: Bool)] = []
        private var names: [String: [UInt8]] = [:]

        func open(_ bracket: UInt8) {
            bytes.append(bracket)
            open.append((bracket, true))
        }

        /// What goes before the next element of the container that is open.
        func separate() {
            guard let last = open.indices.last else { return }
            if !open[last].isEmpty { bytes.append(UInt8(ascii: ",")) }
            open[last].isEmpty = false
        }

        func name(_ key: String) {
            separate()
            if let known = names[key] {
                bytes += known
                return
            }
            let known = Array("\"\(SnakeCase.name(key))\":".utf8)
            names[key] = known
            bytes += known
        }

        func null() { row.write(nil as String?) }

        func write<Value: Encodable>(_ value: Value) throws {
            switch value {
            case let text as String: row.write(text)
            case let truth as Bool:
                bytes += truth ? [0x74, 0x72, 0x75, 0x65] : [0x66, 0x61, 0x6C, 0x73, 0x65]
            case let number as Double:
                guard number.isFinite else {
                    throw EncodingError.invalidValue(number, .init(codingPath: [], debugDescription: ""))
                }
                let whole = Int64(exactly: number)
                bytes += (whole.map { "\($0)" } ?? "\(number)").utf8
            case let number as any FixedWidthInteger: bytes += "\(number)".utf8
            default:
                let depth = open.count
                try value.encode(to: QuickEncoder(sink: self))
                while open.count > depth, let last = open.popLast() { bytes.append(last.bracket + 2) }
            }
        }
    }

    private struct Members<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let sink: Sink
        var codingPath: [any CodingKey] { [] }

        mutating func encodeNil(forKey key: Key) {
            sink.name(key.stringValue)
            sink.null()
        }
        mutating func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
            sink.name(key.stringValue)
            try sink.write(value)
        }
        mutating func nestedContainer<Inner: CodingKey>(
            keyedBy keyType: Inner.Type, forKey key: Key
        ) -> KeyedEncodingContainer<Inner> {
            sink.name(key.stringValue)
            return QuickEncoder(sink: sink).container(keyedBy: keyType)
        }
        mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            sink.name(key.stringValue)
            return QuickEncoder(sink: sink).unkeyedContainer()
        }
        mutating func superEncoder() -> any Encoder { QuickEncoder(sink: sink) }
        mutating func superEncoder(forKey key: Key) -> any Encoder { QuickEncoder(sink: sink) }
    }

    private struct Elements: UnkeyedEncodingContainer {
        let sink: Sink
        var codingPath: [any CodingKey] { [] }
        private(set) var count = 0

        init(sink: Sink) { self.sink = sink }

        mutating func encodeNil() {
            sink.separate()
            sink.null()
            count += 1
        }
        mutating func encode<Value: Encodable>(_ value: Value) throws {
            sink.separate()
            try sink.write(value)
            count += 1
        }
        mutating func nestedContainer<Inner: CodingKey>(keyedBy keyType: Inner.Type)
            -> KeyedEncodingContainer<Inner>
        {
            sink.separate()
            return QuickEncoder(sink: sink).container(keyedBy: keyType)
        }
        mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
            sink.separate()
            return QuickEncoder(sink: sink).unkeyedContainer()
        }
        mutating func superEncoder() -> any Encoder { QuickEncoder(sink: sink) }
    }

    private struct Single: SingleValueEncodingContainer {
        let sink: Sink
        var codingPath: [any CodingKey] { [] }

        mutating func encodeNil() { sink.null() }
        mutating func encode<Value: Encodable>(_ value: Value) throws { try sink.write(value) }
    }
}

/// `requestAgeMs` as `request_age_ms`, for names without runs of capitals, as all of this program's are.
enum SnakeCase {
    static func name(_ key: String) -> String {
        var name = ""
        for character in key {
            if character.isUppercase { name += "_" }
            name += character.lowercased()
        }
        return name
    }
}
