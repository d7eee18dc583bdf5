import Glibc

/// What the backend was asked: each distinct request head, byte for byte, with a count.
///
/// The load repeats one request, so a proxy yields one or two heads; finding one again costs a `memcmp`.
struct HeadLedger: ~Copyable {
    private struct Entry {
        let head: UnsafeMutableRawBufferPointer
        var count: Int
    }

    /// More distinct heads than this are counted, not kept.
    static let headsMax = 64

    private var entries: [Entry] = []
    private var latest = 0
    private(set) var served = 0
    private(set) var overflow = 0
    /// Connections accepted; few of them show that the proxy keeps its connections.
    var accepted = 0

    deinit { for entry in entries { entry.head.deallocate() } }

    /// Counts one request head.
    mutating func record(_ head: UnsafeRawBufferPointer) {
        served += 1
        if latest < entries.count, isEqual(entries[latest].head, head) {
            entries[latest].count += 1
            return
        }
        recordAnother(head)
    }

    /// Forgets everything so far.
    mutating func reset() {
        for entry in entries { entry.head.deallocate() }
        entries.removeAll()
        (latest, served, overflow, accepted) = (0, 0, 0, 0)
    }

    /// The ledger as bytes: a line of totals, then each head after a line with its count and length.
    func report() -> [UInt8] {
        var report = Array("served \(served) accepted \(accepted) overflow \(overflow)\n".utf8)
        for entry in entries {
            report += Array("head \(entry.count) \(entry.head.count)\n".utf8)
            report += entry.head
        }
        return report
    }

    private mutating func recordAnother(_ head: UnsafeRawBufferPointer) {
        if let known = entries.firstIndex(where: { isEqual($0.head, head) }) {
            entries[known].count += 1
            latest = known
            return
        }
        guard entries.count < HeadLedger.headsMax else {
            overflow += 1
            return
        }
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: head.count, alignment: 1)
        copy.copyMemory(from: head)
        latest = entries.count
        entries.append(Entry(head: copy, count: 1))
    }

    private func isEqual(_ known: UnsafeMutableRawBufferPointer, _ head: UnsafeRawBufferPointer) -> Bool {
        guard known.count == head.count, let left = known.baseAddress, let right = head.baseAddress else {
            return false
        }
        return memcmp(left, right, head.count) == 0
    }
}
