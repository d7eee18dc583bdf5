import FoundationEssentials

/// The one way documents become JSON here: snake_case keys, sorted, slashes as they are.
package enum JSONForm {
    /// The bytes of a document; nil only for values that no JSON can hold (not-a-number).
    package static func bytes(_ document: some Encodable, pretty: Bool = false) -> [UInt8]? {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
        return (try? encoder.encode(document)).map { Array($0) }
    }

    /// The document in some bytes; throws Foundation's decoding error.
    package static func document<Document: Decodable>(
        _ type: Document.Type, from bytes: [UInt8]
    ) throws -> Document {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: Data(bytes))
    }
}
