import HTTP

/// What must hold for every sequence of bytes: shared by the fuzz targets and the tests. Each function says what is
/// broken, or nil.
enum FuzzProperties {
    /// Room enough for what a head becomes when it is written anew.
    private static let limits = HeadLimits(headBytes: 4096, targetBytes: 1024, fields: 20)
    private static let wideLimits = HeadLimits(headBytes: 16_384, targetBytes: 8192, fields: 20)

    /// A request's verdict does not depend on how its bytes are cut, and an accepted one says the same when it is
    /// written anew.
    static func request(_ bytes: [UInt8]) -> String? {
        let (outcome, head) = HeadFixture.request(bytes, limits: limits)
        for steps in cuts(bytes)
        where HeadFixture.request(bytes, steps: steps, limits: limits).outcome != outcome {
            return "cut at \(steps.prefix(3)) the request has another outcome than \(outcome)"
        }
        guard outcome.verdict == .complete else { return nil }
        if let fault = cleanliness(bytes.prefix(outcome.length)) { return fault }
        var target = Array(bytes[head.target.start..<head.target.end])
        if head.lacksSlash { target = [47] + target }
        if target.isEmpty { target = head.method == .options ? [42] : [47] }
        let method = Array(bytes[head.methodName.start..<head.methodName.end])
        let line = method + [32] + target + Array(" HTTP/1.\(head.minorVersion)\r\n".utf8)
        let anew = line + fields(outcome)
        var second = HeadFixture.request(anew, limits: wideLimits)
        guard second.outcome.length == anew.count || second.outcome.verdict != .complete else {
            return "the request written anew ends too early"
        }
        second.outcome.length = outcome.length
        guard second.outcome == outcome, second.head.method == head.method,
            second.head.expectsContinue == head.expectsContinue
        else { return "the request written anew has the outcome \(second.outcome) instead of \(outcome)" }
        return nil
    }

    /// The same for responses.
    static func response(_ bytes: [UInt8]) -> String? {
        let answersHead = bytes.last == 0
        let (outcome, head) = HeadFixture.response(bytes, answersHead: answersHead, limits: limits)
        for steps in cuts(bytes) {
            let cut = HeadFixture.response(bytes, steps: steps, answersHead: answersHead, limits: limits)
                .outcome
            if cut != outcome {
                return "cut at \(steps.prefix(3)) the response has another outcome than \(outcome)"
            }
        }
        guard outcome.verdict == .complete else { return nil }
        if let fault = cleanliness(bytes.prefix(outcome.length)) { return fault }
        let status = Array(bytes[head.statusAndReason.start..<head.statusAndReason.end])
        let anew = Array("HTTP/1.\(head.minorVersion)".utf8) + status + [13, 10] + fields(outcome)
        var second = HeadFixture.response(anew, answersHead: answersHead, limits: wideLimits)
        second.outcome.length = outcome.length
        guard second.outcome == outcome, second.head.status == head.status else {
            return "the response written anew has the outcome \(second.outcome) instead of \(outcome)"
        }
        return nil
    }

    /// A chunked body is followed as a slow reader of whole lines reads it.
    static func chunked(_ bytes: [UInt8]) -> String? {
        let reference = ChunkedReference.read(bytes)
        for step in [bytes.count + 1, 1, 2, 7] {
            let (taken, content, isRefused, isDone) = scan(bytes, step)
            switch reference {
            case .whole(let wholeContent, let end):
                guard isDone, taken == end, content == wholeContent else {
                    return "in steps of \(step) a whole body of \(end) bytes is not followed, but \(taken)"
                }
            case .partial:
                if isDone || isRefused { return "in steps of \(step) a part of a body is taken for more" }
            case .malformed: if !isRefused { return "in steps of \(step) a malformed body is taken" }
            }
        }
        return nil
    }

    private static func scan(_ bytes: [UInt8], _ step: Int) -> (Int, [UInt8], isRefused: Bool, isDone: Bool) {
        var scanner = ChunkedScanner()
        var taken = 0
        var content: [UInt8] = []
        while taken < bytes.count, !scanner.isDone {
            let run = bytes[taken..<min(bytes.count, taken + step)].withUnsafeBufferPointer { piece in
                piece.baseAddress.map { scanner.next($0, count: piece.count) } ?? .framing(0)
            }
            switch run {
            case .data(let count):
                content += bytes[taken..<(taken + count)]
                taken += count
            case .framing(let count), .end(let count): taken += count
            case .refused: return (taken, content, true, false)
            }
        }
        return (taken, content, false, scanner.isDone)
    }

    /// Byte by byte, and at places that the bytes themselves choose.
    private static func cuts(_ bytes: [UInt8]) -> [[Int]] {
        var places: [Int] = []
        var place = 0
        while place < bytes.count {
            place += 1 + Int(bytes[place] % 29)
            places.append(place)
        }
        return [Array(0...bytes.count), places]
    }

    private static func fields(_ outcome: HeadFixture.Outcome) -> [UInt8] {
        var bytes: [UInt8] = []
        for (name, value) in outcome.raw { bytes += name + [58] + value + [13, 10] }
        return bytes + [13, 10]
    }

    /// No control byte but tabs and line ends gets through.
    private static func cleanliness(_ head: ArraySlice<UInt8>) -> String? {
        for (index, byte) in head.enumerated() {
            let isEnd = byte == 10 && index > 0 && head[index - 1] == 13
            let isReturn = byte == 13 && index + 1 < head.count && head[index + 1] == 10
            guard isEnd || isReturn || byte == 9 || byte >= 32 && byte != 127 else {
                return "the byte \(byte) at \(index) got through"
            }
        }
        return nil
    }
}
