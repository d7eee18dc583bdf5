/// Follows a chunked body (RFC 9112 §7.1) whose bytes pass as they are, and refuses every malformed one.
package struct ChunkedScanner: Sendable, BitwiseCopyable {
    private enum Stage: UInt8, BitwiseCopyable {
        case sizeStart, size, sizeBlank, chunkExtension, sizeFeed
        case data, dataReturn, dataFeed
        case trailerStart, trailerName, trailerValue, trailerFeed, endFeed, done
    }

    /// A run of bytes of one sort.
    package enum Run: Equatable, Sendable {
        /// `count` bytes of the body's content.
        case data(Int)
        /// `count` bytes of sizes, extensions, trailers and line ends.
        case framing(Int)
        /// The body is over, after `count` more bytes of framing.
        case end(Int)
        case refused(MessageFault)
    }

    /// The longest chunk line's extension, in bytes.
    package static let extensionBytes = 1024
    /// The largest trailer section, in bytes.
    package static let trailerBytes = 8 * 1024

    private var stage = Stage.sizeStart
    private var digits: UInt8 = 0
    private var counted: UInt16 = 0
    private var remaining: UInt64 = 0

    package init() {}

    /// True when the last byte of the body has been seen.
    package var isDone: Bool { stage == .done }

    /// The next run in `count` bytes (more than 0) that follow the bytes of the runs before.
    package mutating func next(_ base: UnsafePointer<UInt8>, count: Int) -> Run {
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
    package mutating func take(
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
                stage = .chunkExtension
            } else if !Bytes.isBlank(byte) {
                return .badChunkSize
            }
            return countExtension()
        case .chunkExtension:
            if byte == Bytes.carriageReturn {
                stage = .sizeFeed
                return nil
            }
            guard Bytes.isValue(byte) else { return .badChunkExtension }
            return countExtension()
        case .sizeFeed:
            guard byte == Bytes.lineFeed else { return .bareCarriageReturn }
            counted = 0
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
        case UInt8(ascii: ";"): stage = .chunkExtension
        case Bytes.space, Bytes.tab: stage = .sizeBlank
        default: return .badChunkSize
        }
        return nil
    }

    private mutating func countExtension() -> MessageFault? {
        counted += 1
        return Int(counted) > ChunkedScanner.extensionBytes ? .chunkExtensionTooLong : nil
    }

    private mutating func takeTrailer(_ byte: UInt8) -> MessageFault? {
        counted += 1
        guard Int(counted) <= ChunkedScanner.trailerBytes else { return .trailersTooLarge }
        switch stage {
        case .trailerStart:
            if byte == Bytes.carriageReturn {
                stage = .endFeed
            } else {
                guard Bytes.isToken(byte) else { return .badTrailer }
                stage = .trailerName
            }
        case .trailerName:
            if byte == Bytes.colon {
                stage = .trailerValue
            } else if !Bytes.isToken(byte) {
                return .badTrailer
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
        case .sizeStart, .size, .sizeBlank, .chunkExtension, .sizeFeed, .data, .dataReturn, .dataFeed,
            .endFeed,
            .done:
            break  // `take` never calls in these stages
        }
        return nil
    }
}
