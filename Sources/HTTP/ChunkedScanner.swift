/// Follows a chunked body (RFC 9112 §7.1) whose bytes pass as they are, and refuses every malformed one.
public struct ChunkedScanner: Sendable, BitwiseCopyable {
    private enum Stage: UInt8, BitwiseCopyable {
        case sizeStart, size, sizeBlank
        case extensionStart, extensionName, extensionNameBlank, extensionEquals, extensionToken
        case extensionQuoted, extensionEscape, extensionEnd, extensionBlank, sizeFeed
        case data, dataReturn, dataFeed
        case trailerStart, trailerName, trailerValue, trailerFeed, endFeed, done
    }

    /// A run of bytes of one sort.
    public enum Run: Equatable, Sendable {
        /// `count` bytes of the body's content.
        case data(Int)
        /// `count` bytes of sizes, extensions, trailers and line ends.
        case framing(Int)
        /// The body is over, after `count` more bytes of framing.
        case end(Int)
        case refused(MessageFault)
    }

    /// The longest chunk line's extensions, in bytes.
    public static let extensionBytes = 1024
    /// The largest trailer section, in bytes.
    public static let trailerBytes = 8 * 1024
    /// The most trailer fields.
    public static let trailerFields = 100

    private var stage = Stage.sizeStart
    /// Digits of the size so far; within a trailer's name its length, up to 255.
    private var digits: UInt8 = 0
    private var trailers: UInt8 = 0
    // Between two bytes and a word of two: it takes no room.
    private let refusesTrailers: Bool
    private var counted: UInt16 = 0
    /// Bytes of the chunk to come; within a trailer's name its hash.
    private var remaining: UInt64 = 0

    /// At the first byte of a chunked body; with `refusesTrailers` it may have no trailer at all.
    public init(refusesTrailers: Bool = false) { self.refusesTrailers = refusesTrailers }

    /// True when the last byte of the body has been seen.
    public var isDone: Bool { stage == .done }

    /// The next run in `count` bytes (more than 0) that follow the bytes of the runs before.
    public mutating func next(_ base: UnsafePointer<UInt8>, count: Int) -> Run {
        if stage == .data {
            let taken = min(remaining, UInt64(count))
            remaining -= taken
            if remaining == 0 { stage = .dataReturn }
            return .data(Int(taken))
        }
        var index = 0
        while index < count, stage != .data {
            if let fault = take(base[index]) { return .refused(fault) }
            index += 1
            if stage == .done { return .end(index) }
        }
        return .framing(index)
    }

    /// Takes bytes up to the body's end; how many belong to it, and the fault if there is one.
    public mutating func take(
        _ base: UnsafePointer<UInt8>, count: Int
    ) -> (taken: Int, fault: MessageFault?) {
        var taken = 0
        while taken < count, stage != .done {
            switch next(base + taken, count: count - taken) {
            case .data(let run), .framing(let run), .end(let run): taken += run
            case .refused(let fault): return (taken, fault)
            }
        }
        return (taken, nil)
    }

    private mutating func take(_ byte: UInt8) -> MessageFault? {
        switch stage {
        case .sizeStart:
            let digit = Bytes.hexadecimal(byte)
            guard digit < 16 else { return .badChunkSize }
            remaining = UInt64(digit)
            digits = 1
            counted = 0
            stage = .size
        case .size: return takeSize(byte)
        case .sizeBlank:
            if byte == UInt8(ascii: ";") {
                stage = .extensionStart
            } else if !Bytes.isBlank(byte) {
                return .badChunkSize
            }
            return countExtension()
        case .extensionStart, .extensionName, .extensionNameBlank, .extensionEquals, .extensionToken,
            .extensionQuoted, .extensionEscape, .extensionEnd, .extensionBlank:
            return takeExtension(byte)
        case .sizeFeed:
            guard byte == Bytes.lineFeed else { return .bareCarriageReturn }
            counted = 0
            trailers = 0
            stage = remaining == 0 ? .trailerStart : .data
        case .dataReturn:
            guard byte == Bytes.carriageReturn else { return .badChunkEnd }
            stage = .dataFeed
        case .dataFeed:
            guard byte == Bytes.lineFeed else { return .badChunkEnd }
            stage = .sizeStart
        case .trailerStart, .trailerName, .trailerValue, .trailerFeed: return takeTrailer(byte)
        case .endFeed:
            guard byte == Bytes.lineFeed else { return .bareCarriageReturn }
            stage = .done
        case .data, .done: break  // `next` never calls in these stages
        }
        return nil
    }

    private mutating func takeSize(_ byte: UInt8) -> MessageFault? {
        let digit = Bytes.hexadecimal(byte)
        if digit < 16 {
            digits += 1
            guard digits <= 16, remaining >> 59 == 0 else { return .badChunkSize }  // stays below 2^63
            remaining = remaining << 4 | UInt64(digit)
            return nil
        }
        switch byte {
        case Bytes.carriageReturn: stage = .sizeFeed
        case UInt8(ascii: ";"): stage = .extensionStart
        case Bytes.space, Bytes.tab: stage = .sizeBlank
        default: return .badChunkSize
        }
        return nil
    }

    // MARK: Extensions (§7.1.1): `*( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )`

    private mutating func takeExtension(_ byte: UInt8) -> MessageFault? {
        guard let next = afterExtension(byte) else { return .badChunkExtension }
        stage = next
        return next == .sizeFeed ? nil : countExtension()
    }

    private func afterExtension(_ byte: UInt8) -> Stage? {
        let isBlank = Bytes.isBlank(byte)
        switch stage {
        case .extensionStart:
            if isBlank { return .extensionStart }
            return Bytes.isToken(byte) ? .extensionName : nil
        case .extensionName:
            if Bytes.isToken(byte) { return .extensionName }
            if byte == UInt8(ascii: "=") { return .extensionEquals }
            return isBlank ? .extensionNameBlank : afterPart(byte)
        case .extensionNameBlank:
            if isBlank { return .extensionNameBlank }
            if byte == UInt8(ascii: "=") { return .extensionEquals }
            return byte == UInt8(ascii: ";") ? .extensionStart : nil
        case .extensionEquals:
            if isBlank { return .extensionEquals }
            if byte == UInt8(ascii: "\"") { return .extensionQuoted }
            return Bytes.isToken(byte) ? .extensionToken : nil
        case .extensionToken:
            if Bytes.isToken(byte) { return .extensionToken }
            return isBlank ? .extensionBlank : afterPart(byte)
        case .extensionQuoted:
            if byte == UInt8(ascii: "\"") { return .extensionEnd }
            if byte == UInt8(ascii: "\\") { return .extensionEscape }
            return Bytes.isValue(byte) ? .extensionQuoted : nil
        case .extensionEscape: return Bytes.isValue(byte) ? .extensionQuoted : nil
        case .extensionEnd: return isBlank ? .extensionBlank : afterPart(byte)
        case .extensionBlank:
            if isBlank { return .extensionBlank }
            return byte == UInt8(ascii: ";") ? .extensionStart : nil
        case .sizeStart, .size, .sizeBlank, .sizeFeed, .data, .dataReturn, .dataFeed, .trailerStart,
            .trailerName, .trailerValue, .trailerFeed, .endFeed, .done:
            return nil  // `take` never calls in these stages
        }
    }

    private func afterPart(_ byte: UInt8) -> Stage? {
        if byte == UInt8(ascii: ";") { return .extensionStart }
        return byte == Bytes.carriageReturn ? .sizeFeed : nil
    }

    private mutating func countExtension() -> MessageFault? {
        counted += 1
        return Int(counted) > ChunkedScanner.extensionBytes ? .chunkExtensionTooLong : nil
    }

    // MARK: Trailers (§7.1.2)

    private mutating func takeTrailer(_ byte: UInt8) -> MessageFault? {
        counted += 1
        guard Int(counted) <= ChunkedScanner.trailerBytes else { return .trailersTooLarge }
        switch stage {
        case .trailerStart:
            if byte == Bytes.carriageReturn {
                stage = .endFeed
            } else {
                guard Bytes.isToken(byte) else { return .badTrailer }
                guard !refusesTrailers else { return .forbiddenTrailer }
                guard Int(trailers) < ChunkedScanner.trailerFields else { return .tooManyTrailers }
                trailers += 1
                digits = 0
                remaining = TrailerName.empty
                stage = .trailerName
                noteName(byte)
            }
        case .trailerName:
            if byte == Bytes.colon {
                guard !TrailerName.isForbidden(remaining) else { return .forbiddenTrailer }
                stage = .trailerValue
            } else {
                guard Bytes.isToken(byte) else { return .badTrailer }
                noteName(byte)
                if TrailerName.isForbiddenPrefix(remaining, length: digits) { return .forbiddenTrailer }
            }
        case .trailerValue:
            if byte == Bytes.carriageReturn {
                stage = .trailerFeed
            } else if !Bytes.isValue(byte) {
                return .badTrailer
            }
        case .trailerFeed:
            guard byte == Bytes.lineFeed else { return .bareCarriageReturn }
            stage = .trailerStart
        case .sizeStart, .size, .sizeBlank, .extensionStart, .extensionName, .extensionNameBlank,
            .extensionEquals, .extensionToken, .extensionQuoted, .extensionEscape, .extensionEnd,
            .extensionBlank, .sizeFeed, .data, .dataReturn, .dataFeed, .endFeed, .done:
            break  // `take` never calls in these stages
        }
        return nil
    }

    private mutating func noteName(_ byte: UInt8) {
        remaining = TrailerName.hash(remaining, byte)
        if digits < .max { digits += 1 }
    }
}
