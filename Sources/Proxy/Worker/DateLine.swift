import CLinux
import Glibc
import HTTP

/// A worker's `Date` line, written anew once a second at most.
struct DateLine {
    /// `Date: Mon, 23 Nov 2026 23:17:04 GMT` and CRLF, in bytes.
    static let length = 37
    private static let nanosecondsPerSecond: Int64 = 1_000_000_000

    private let line: UnsafeMutablePointer<UInt8>
    private var due: Int64 = .min

    init() {
        line = .allocate(capacity: DateLine.length)
        line.initialize(repeating: 0, count: DateLine.length)
    }

    func deallocate() { line.deallocate() }

    /// The line as of `now`, in nanoseconds of the monotonic clock.
    @inline(__always)
    mutating func text(at now: Int64) -> UnsafePointer<UInt8> {
        if now >= due { write(at: now) }
        return UnsafePointer(line)
    }

    private mutating func write(at now: Int64) {
        var moment = timespec()
        clock_gettime(CLOCK_REALTIME, &moment)
        due = now + DateLine.nanosecondsPerSecond - Int64(moment.tv_nsec)
        var writer = HeadWriter(line, capacity: DateLine.length)
        writer.append("Date: ")
        writer.append(date: Int64(moment.tv_sec))
        writer.append("\r\n")
    }
}
