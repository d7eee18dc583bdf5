/// Why a message is refused; each case has the status that a client is answered with and a short reason.
///
/// For a response the status is always 502: the proxy's client is not at fault.
public enum MessageFault: UInt8, Error, Equatable, Sendable, CaseIterable {
    case badMethod, methodTooLong, connectRefused
    case badTarget, targetTooLong, wrongScheme
    case badVersion, unsupportedVersion
    case badStatusLine, unaskedUpgrade, badUpgrade, tooManyInterims
    case bareLineFeed, bareCarriageReturn, controlByte
    case foldedField, badFieldName, spaceBeforeColon
    case headTooLarge, tooManyFields
    case missingHost, repeatedHost, badHost
    case badContentLength, repeatedContentLength, lengthAndTransferEncoding
    case repeatedTransferEncoding, badTransferEncoding, unknownTransferEncoding, transferEncodingInOldVersion
    case badConnectionField, tooManyNominatedFields, forbiddenNomination, unknownExpectation, badMaxForwards
    case badChunkSize, badChunkExtension, chunkExtensionTooLong, badChunkEnd
    case badTrailer, forbiddenTrailer, trailersTooLarge, tooManyTrailers

    /// All raw values are below this: the room for a counter of each.
    public static let ceiling = 64

    /// The status code for the client whose request has this fault.
    public var status: Int {
        switch self {
        case .methodTooLong, .connectRefused, .unknownTransferEncoding: 501
        case .targetTooLong: 414
        case .wrongScheme: 421
        case .unsupportedVersion: 505
        case .headTooLarge, .tooManyFields, .trailersTooLarge, .tooManyTrailers: 431
        case .unknownExpectation: 417
        case .badStatusLine, .unaskedUpgrade, .badUpgrade, .tooManyInterims: 502
        case .badMethod, .badTarget, .badVersion, .bareLineFeed, .bareCarriageReturn, .controlByte,
            .foldedField,
            .badFieldName, .spaceBeforeColon, .missingHost, .repeatedHost, .badHost, .badContentLength,
            .repeatedContentLength, .lengthAndTransferEncoding, .repeatedTransferEncoding,
            .badTransferEncoding, .transferEncodingInOldVersion, .badConnectionField,
            .tooManyNominatedFields, .forbiddenNomination, .badMaxForwards, .badChunkSize,
            .badChunkExtension, .chunkExtensionTooLong, .badChunkEnd, .badTrailer, .forbiddenTrailer:
            400
        }
    }

    /// A short reason for people, without any byte of the message.
    public var reason: StaticString {
        switch self {
        case .badMethod: "the method is not a token"
        case .methodTooLong: "the method is too long"
        case .connectRefused: "CONNECT is not served"
        case .badTarget: "the request target is malformed"
        case .targetTooLong: "the request target is too long"
        case .wrongScheme: "the request target asks for https, and the connection has no TLS"
        case .badVersion: "the HTTP version is malformed"
        case .unsupportedVersion: "the HTTP version is not supported"
        case .badStatusLine: "the status line is malformed"
        case .unaskedUpgrade: "the protocol is switched although nobody asked for it"
        case .badUpgrade: "the protocol is switched, but not as it was asked for"
        case .tooManyInterims: "there are too many interim responses"
        case .bareLineFeed: "a line ends in a bare LF"
        case .bareCarriageReturn: "a line holds a bare CR"
        case .controlByte: "a field value holds a control byte"
        case .foldedField: "a field line is folded"
        case .badFieldName: "a field name is malformed"
        case .spaceBeforeColon: "white space stands between a field name and its colon"
        case .headTooLarge: "the head is too large"
        case .tooManyFields: "the head has too many fields"
        case .missingHost: "the Host field is missing"
        case .repeatedHost: "the Host field is repeated"
        case .badHost: "the host is malformed"
        case .badContentLength: "the Content-Length is malformed"
        case .repeatedContentLength: "the Content-Length is repeated"
        case .lengthAndTransferEncoding: "Content-Length and Transfer-Encoding exclude each other"
        case .repeatedTransferEncoding: "the Transfer-Encoding is repeated"
        case .badTransferEncoding: "the Transfer-Encoding does not end in one chunked"
        case .unknownTransferEncoding: "the Transfer-Encoding is not exactly chunked"
        case .transferEncodingInOldVersion: "HTTP/1.0 has no Transfer-Encoding"
        case .badConnectionField: "the Connection field is malformed"
        case .tooManyNominatedFields: "the Connection fields have too many elements"
        case .forbiddenNomination: "the Connection field names a field that concerns every hop"
        case .badMaxForwards: "the Max-Forwards is malformed"
        case .unknownExpectation: "the expectation is not 100-continue"
        case .badChunkSize: "a chunk size is malformed"
        case .badChunkExtension: "a chunk extension is malformed"
        case .chunkExtensionTooLong: "a chunk extension is too long"
        case .badChunkEnd: "a chunk does not end in CRLF"
        case .badTrailer: "a trailer field is malformed"
        case .forbiddenTrailer: "a trailer field has no place behind a body"
        case .trailersTooLarge: "the trailers are too large"
        case .tooManyTrailers: "there are too many trailer fields"
        }
    }

    /// The name in metrics and in logs: lower case with underscores.
    public var label: String {
        var label = ""
        for character in "\(self)" {
            if character.isUppercase { label.append("_") }
            label.append(contentsOf: character.lowercased())
        }
        return label
    }
}
