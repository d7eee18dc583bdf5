import Glibc
import Synchronization

/// A ring of records between one worker and the log's thread: one writes, one reads, nobody waits.
final class LogRing: Sendable {
    /// Set in the length of what fills the ring's end, where the next record would not fit.
    static let filler: UInt32 = 1 << 31

    let capacity: Int
    // The bytes between head and tail belong to the reader, the others to the writer; the two counters below
    // hand them over. Each stands on a cache line of its own.
    nonisolated(unsafe) let bytes: UnsafeMutableRawPointer
    nonisolated(unsafe) let words: UnsafeMutablePointer<Atomic<UInt64>>

    /// A ring of at least this many bytes.
    init(bytes wanted: Int) {
        var size = 16 * 1024
        while size < wanted, size < 1 << 30 { size *= 2 }
        capacity = size
        let memory: UnsafeMutablePointer<UInt64> = ZeroedMemory.allocate(size / 8)
        bytes = UnsafeMutableRawPointer(memory)
        words = ZeroedMemory.allocate(LogRing.spread * 3)
    }

    deinit {
        free(bytes)
        free(words)
    }

    /// Words from one counter to the next: two cache lines, since processors fetch them in pairs.
    private static let spread = 16

    /// Bytes ever given back by the reader.
    var head: UnsafeMutablePointer<Atomic<UInt64>> { words + LogRing.spread }
    /// Bytes ever published by the writer.
    var tail: UnsafeMutablePointer<Atomic<UInt64>> { words + 2 * LogRing.spread }

    /// Hands every record to `body` in order, called by the log's thread only. Bytes are given back after each
    /// record, so that the worker never waits for the whole.
    func drain(_ body: (UnsafePointer<LogRecord>, UnsafePointer<UInt8>) -> Void) {
        var position = head.pointee.load(ordering: .relaxed)
        let end = tail.pointee.load(ordering: .acquiring)
        while position != end {
            let place = bytes + Int(position & UInt64(capacity - 1))
            let length = place.load(as: UInt32.self)
            if length & LogRing.filler == 0 {
                let record = place.assumingMemoryBound(to: LogRecord.self)
                let text = place + MemoryLayout<LogRecord>.stride
                body(UnsafePointer(record), UnsafePointer(text.assumingMemoryBound(to: UInt8.self)))
            }
            position &+= UInt64(length & ~LogRing.filler)
            head.pointee.store(position, ordering: .releasing)
        }
    }
}

/// The worker's end of a ring: plain memory, its own copies of both counters.
struct LogWriter: BitwiseCopyable {
    private let bytes: UnsafeMutableRawPointer
    private let head: UnsafeMutablePointer<Atomic<UInt64>>
    private let published: UnsafeMutablePointer<Atomic<UInt64>>
    private let capacity: UInt64
    private let bell: Int32
    private var tail: UInt64
    private var knownHead: UInt64
    private var hasRung = false

    /// A writer on a ring that outlives it; `bell` is the eventfd of the log's thread.
    init(_ ring: LogRing, bell: Int32) {
        bytes = ring.bytes
        head = ring.head
        published = ring.tail
        capacity = UInt64(ring.capacity)
        self.bell = bell
        tail = ring.tail.pointee.load(ordering: .relaxed)
        knownHead = ring.head.pointee.load(ordering: .acquiring)
    }

    /// Room for a record of so many bytes, a multiple of 8; nil when the ring is full.
    @inline(__always)
    mutating func reserve(_ length: Int) -> UnsafeMutableRawPointer? {
        let place = tail & (capacity - 1)
        let toEnd = capacity - place
        let fill = toEnd < UInt64(length) ? toEnd : 0
        let needed = UInt64(length) + fill
        if tail &+ needed &- knownHead > capacity {
            knownHead = head.pointee.load(ordering: .acquiring)
            guard tail &+ needed &- knownHead <= capacity else { return nil }
        }
        guard fill > 0 else { return bytes + Int(place) }
        (bytes + Int(place)).storeBytes(of: UInt32(fill) | LogRing.filler, as: UInt32.self)
        tail &+= fill
        return bytes
    }

    /// Publishes what was written into the room; wakes the log's thread when half of the ring is full.
    @inline(__always)
    mutating func publish(_ length: Int) {
        tail &+= UInt64(length)
        published.pointee.store(tail, ordering: .releasing)
        if tail &- knownHead > capacity / 2 { lookWhetherHalfFull() }
    }

    private mutating func lookWhetherHalfFull() {
        knownHead = head.pointee.load(ordering: .acquiring)
        guard tail &- knownHead > capacity / 2 else {
            hasRung = false
            return
        }
        if !hasRung { ring() }
        hasRung = true
    }

    /// Wakes the log's thread when it has something to write; the worker calls it now and then, and before it
    /// sleeps for long.
    mutating func nudge() {
        knownHead = head.pointee.load(ordering: .acquiring)
        hasRung = false
        if tail != knownHead { ring() }
    }

    private func ring() {
        var one: UInt64 = 1
        _ = write(bell, &one, 8)
    }
}
