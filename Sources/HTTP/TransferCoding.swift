/// What is wrong with a `Transfer-Encoding` that is not just `chunked`.
enum TransferCoding {
    /// A list of other codings that ends in `chunked` is well-formed, only not served (RFC 9112 §6.1: 501); with
    /// everything else the body's end cannot be known (§6.3: 400).
    static func fault(_ base: UnsafePointer<UInt8>, _ count: Int) -> MessageFault {
        var start = 0
        while true {
            var end = start
            while end < count, base[end] != Bytes.comma { end += 1 }
            let isLast = end == count
            let isChunked = isCoding(base, from: start, to: end, "chunked")
            guard isChunked == isLast, isChunked || isToken(base, from: start, to: end) else {
                return .badTransferEncoding
            }
            if isLast { return .unknownTransferEncoding }
            start = end + 1
        }
    }

    private static func isCoding(
        _ base: UnsafePointer<UInt8>, from start: Int, to end: Int, _ word: StaticString
    ) -> Bool {
        let (first, last) = trim(base, start, end)
        return Bytes.equal(base + first, last - first, word)
    }

    private static func isToken(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Bool {
        let (first, last) = trim(base, start, end)
        for index in first..<last where !Bytes.isToken(base[index]) { return false }
        return first < last
    }

    private static func trim(_ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> (Int, Int) {
        var first = start
        while first < end, Bytes.isBlank(base[first]) { first += 1 }
        var last = end
        while last > first, Bytes.isBlank(base[last - 1]) { last -= 1 }
        return (first, last)
    }
}
