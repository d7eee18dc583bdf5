import Glibc

/// Finds the lines of a head in bytes that arrive piece by piece; no byte is searched twice.
struct LineCursor: Sendable, BitwiseCopyable {
    enum Line {
        case needMore
        case tooLong
        /// Without its CRLF.
        case line(start: Int, end: Int)
    }

    /// Where the next line starts.
    var start: Int { Int(nextStart) }
    private var nextStart: Int32 = 0
    private var searchedTo: Int32 = 0

    /// The next whole line, which must end before `limit`; throws when it ends in a bare LF.
    @inline(__always)
    mutating func next(
        _ base: UnsafePointer<UInt8>, count: Int, limit: Int
    ) throws(MessageFault) -> Line {
        let reach = min(count, limit)
        let searched = Int(searchedTo)
        guard searched < reach, let found = memchr(base + searched, Int32(Bytes.lineFeed), reach - searched)
        else {
            searchedTo = Int32(truncatingIfNeeded: max(reach, searched))
            return count >= limit ? .tooLong : .needMore
        }
        let feed = UnsafeRawPointer(found) - UnsafeRawPointer(base)
        guard feed > start, base[feed - 1] == Bytes.carriageReturn else { throw .bareLineFeed }
        let line = Line.line(start: start, end: feed - 1)
        nextStart = Int32(truncatingIfNeeded: feed + 1)
        searchedTo = nextStart
        return line
    }
}
