/// What /proc/meminfo says of the machine's memory, in bytes.
struct MemoryInfo: Equatable {
    var total: UInt64?
    var free: UInt64?
    var available: UInt64?
    var cached: UInt64?
    var activeFile: UInt64?
    var inactiveFile: UInt64?
    var reclaimableSlab: UInt64?

    /// The lines of interest of a /proc/meminfo; what is missing or makes no sense is nil.
    static func parse(_ bytes: Span<UInt8>) -> MemoryInfo {
        var info = MemoryInfo()
        var scanner = ByteScanner(bytes)
        while !scanner.isAtEnd, !info.isEnough {
            if scanner.skip("MemTotal:") {
                info.total = size(&scanner)
            } else if scanner.skip("MemFree:") {
                info.free = size(&scanner)
            } else if scanner.skip("MemAvailable:") {
                info.available = size(&scanner)
            } else if scanner.skip("Cached:") {
                info.cached = size(&scanner)
            } else if scanner.skip("Active(file):") {
                info.activeFile = size(&scanner)
            } else if scanner.skip("Inactive(file):") {
                info.inactiveFile = size(&scanner)
            } else if scanner.skip("SReclaimable:") {
                info.reclaimableSlab = size(&scanner)
            }
            scanner.skipLine()
        }
        return info
    }

    private static func size(_ scanner: inout ByteScanner) -> UInt64? {
        scanner.skipSpaces()
        guard let count = scanner.number() else { return nil }
        scanner.skipSpaces()
        guard scanner.skip("kB") else { return nil }
        let (bytes, overflowed) = count.multipliedReportingOverflow(by: 1024)
        return overflowed ? nil : bytes
    }

    /// True when the lines still to come would change nothing; the first three are enough on every kernel since 3.14.
    private var isEnough: Bool { total != nil && free != nil && !needsEstimate }

    /// True when the kernel's own estimate is missing (before 3.14, some containers).
    var needsEstimate: Bool { (available ?? 0) == 0 }

    /// The memory that new work could have: the kernel's number, or an estimate as the kernel makes it, from the
    /// sum of the zones' low watermarks; nil without the machine's total.
    func availableBytes(lowWatermarkBytes: UInt64?) -> UInt64? {
        guard let total, total > 0 else { return nil }
        let estimate = needsEstimate ? estimatedBytes(lowWatermarkBytes: lowWatermarkBytes) : available
        guard let estimate else { return nil }
        if estimate <= total { return estimate }
        // Containers mix the host's number with their own total: what is free is then all that can be told.
        return free.map { min($0, total) }
    }

    private func estimatedBytes(lowWatermarkBytes: UInt64?) -> UInt64? {
        guard let free else { return nil }
        guard let activeFile, let inactiveFile, let reclaimableSlab, let low = lowWatermarkBytes else {
            return free.saturatingSum(cached ?? 0)
        }
        let pageCache = activeFile.saturatingSum(inactiveFile)
        return free.saturatingDifference(low)
            .saturatingSum(pageCache - min(pageCache / 2, low))
            .saturatingSum(reclaimableSlab - min(reclaimableSlab / 2, low))
    }

    /// The sum of the zones' low watermarks in a /proc/zoneinfo, in pages; nil without any.
    static func lowWatermarkPages(_ bytes: Span<UInt8>) -> UInt64? {
        var sum: UInt64?
        var scanner = ByteScanner(bytes)
        while !scanner.isAtEnd {
            scanner.skipSpaces()
            if scanner.skip("low ") {
                scanner.skipSpaces()
                if let pages = scanner.number() { sum = (sum ?? 0).saturatingSum(pages) }
            }
            scanner.skipLine()
        }
        return sum
    }
}
