/// What a disk does: rates between two looks, in units a second; nil where a counter started anew between them.
package struct DiskReading: Sendable, Equatable {
    package var name: String
    package var readBytes: Double?
    package var writtenBytes: Double?
    package var reads: Double?
    package var writes: Double?
    /// The share of the time with at least one request under way, 0 to 1.
    package var busy: Double?

    /// The rates of one disk over `seconds`.
    init(from earlier: DiskCounters.Row, to later: DiskCounters.Row, seconds: Double) {
        name = later.name
        let sector = Double(DiskCounters.sectorBytes)
        readBytes = rate(earlier.readSectors, later.readSectors, seconds).map { $0 * sector }
        writtenBytes = rate(earlier.writtenSectors, later.writtenSectors, seconds).map { $0 * sector }
        reads = rate(earlier.readsCompleted, later.readsCompleted, seconds)
        writes = rate(earlier.writesCompleted, later.writesCompleted, seconds)
        busy = rate(earlier.busyMilliseconds, later.busyMilliseconds, seconds).map { min(1, $0 / 1000) }
    }
}

/// What a network interface does: rates between two looks, in units a second.
package struct InterfaceReading: Sendable, Equatable {
    package var name: String
    package var receivedBytes: Double?
    package var sentBytes: Double?
    package var receivedPackets: Double?
    package var sentPackets: Double?
    /// Packets that came or went wrong, or were dropped, both ways.
    package var errors: Double?

    /// The rates of one interface over `seconds`.
    init(from earlier: NetworkCounters.Row, to later: NetworkCounters.Row, seconds: Double) {
        name = later.name
        receivedBytes = rate(earlier.receivedBytes, later.receivedBytes, seconds)
        sentBytes = rate(earlier.sentBytes, later.sentBytes, seconds)
        receivedPackets = rate(earlier.receivedPackets, later.receivedPackets, seconds)
        sentPackets = rate(earlier.sentPackets, later.sentPackets, seconds)
        errors = rate(earlier.faults, later.faults, seconds)
    }
}

extension NetworkCounters.Row {
    fileprivate var faults: UInt64 {
        receiveErrors.saturatingSum(receiveDrops).saturatingSum(sendErrors).saturatingSum(sendDrops)
    }
}

/// What the machine pages: rates between two looks, in units a second.
package struct PagingReading: Sendable, Equatable {
    /// Pages read from and written to swap.
    package var swappedIn: Double?
    package var swappedOut: Double?
    /// Faults that had to wait for a disk.
    package var majorFaults: Double?
    /// Processes that the kernel has killed for want of memory since boot.
    package var outOfMemoryKills: UInt64?

    /// The rates over `seconds`.
    init(from earlier: PagingCounters, to later: PagingCounters, seconds: Double) {
        func optional(_ before: UInt64?, _ after: UInt64?) -> Double? {
            guard let before, let after else { return nil }
            return rate(before, after, seconds)
        }
        swappedIn = optional(earlier.swappedIn, later.swappedIn)
        swappedOut = optional(earlier.swappedOut, later.swappedOut)
        majorFaults = optional(earlier.majorFaults, later.majorFaults)
        outOfMemoryKills = later.outOfMemoryKills
    }
}

/// One file system: how full it is; its numbers are nil while it does not answer.
package struct FilesystemReading: Sendable, Equatable {
    package var mountPoint: String
    package var device: String
    package var type: String
    package var isReadOnly: Bool
    /// Nil while it does not answer.
    package var space: FilesystemSpace?
}

/// The room in a file system.
package struct FilesystemSpace: Sendable, Equatable {
    package var totalBytes: UInt64
    package var freeBytes: UInt64
    /// What users other than root may still use.
    package var availableBytes: UInt64
    package var files: UInt64
    package var freeFiles: UInt64

    /// The share in use of what users may have, 0 to 1, as `df` tells it; nil for one without blocks.
    package var used: Double? {
        let used = totalBytes.saturatingDifference(freeBytes)
        let whole = used.saturatingSum(availableBytes)
        return whole == 0 ? nil : Double(used) / Double(whole)
    }
}

/// A process that used much CPU time since the look before.
package struct Consumer: Sendable, Equatable {
    package var pid: Int32
    /// The name that the process has given itself, 15 bytes at most; it may be anything.
    package var name: String
    /// Cores' worth of CPU time: 1 is one core all the time.
    package var cores: Double
    package var residentBytes: UInt64
}

/// The growth a second of a counter; nil when it stepped back or no time passed.
private func rate(_ before: UInt64, _ after: UInt64, _ seconds: Double) -> Double? {
    guard after >= before, seconds > 0 else { return nil }
    return Double(after - before) / seconds
}

extension Sequence {
    /// The readings of those rows that both looks have, by name; nil when the earlier look is missing.
    func readings<Reading>(
        since earlier: [Element]?, name: KeyPath<Element, String>, _ reading: (Element, Element) -> Reading
    ) -> [Reading]? {
        guard let earlier else { return nil }
        return enumerated().compactMap { index, row in
            // Rows hardly ever change their places.
            if index < earlier.count, earlier[index][keyPath: name] == row[keyPath: name] {
                return reading(earlier[index], row)
            }
            return earlier.first { $0[keyPath: name] == row[keyPath: name] }.map { reading($0, row) }
        }
    }
}
