/// What /proc/diskstats has counted of each disk and partition since it appeared.
package struct DiskCounters: Sendable, Equatable {
    /// One disk or partition.
    package struct Row: Sendable, Equatable {
        package var name: String
        package var readsCompleted: UInt64
        package var readSectors: UInt64
        package var readMilliseconds: UInt64
        package var writesCompleted: UInt64
        package var writtenSectors: UInt64
        package var writeMilliseconds: UInt64
        /// Requests that are under way.
        package var inFlight: UInt64
        /// The time with at least one request under way.
        package var busyMilliseconds: UInt64
    }

    /// The kernel's sector of this file, whatever the disk's own.
    package static let sectorBytes: UInt64 = 512
    /// Disks that are kept; machines with more tell of the first so many.
    static let rowsMax = 256

    package private(set) var rows: [Row] = []

    /// The rows that make sense; memory, loop and floppy devices, and partitions, are left out.
    static func parse(_ bytes: Span<UInt8>) -> DiskCounters {
        var counters = DiskCounters()
        var scanner = ByteScanner(bytes)
        while !scanner.isAtEnd, counters.rows.count < rowsMax {
            if let row = row(&scanner), !isIgnored(row.name) { counters.rows.append(row) }
            scanner.skipLine()
        }
        return counters
    }

    private static func row(_ scanner: inout ByteScanner) -> Row? {
        scanner.skipSpaces()
        guard scanner.number() != nil else { return nil }
        scanner.skipSpaces()
        guard scanner.number() != nil else { return nil }
        scanner.skipSpaces()
        guard let name = scanner.word(bytesMax: 64) else { return nil }
        var values = InlineArray<11, UInt64>(repeating: 0)
        for index in 0..<11 {
            scanner.skipSpaces()
            // Partitions of the oldest kernels have four numbers only.
            guard let value = scanner.number() else { return nil }
            values[index] = value
        }
        return Row(
            name: name, readsCompleted: values[0], readSectors: values[2], readMilliseconds: values[3],
            writesCompleted: values[4], writtenSectors: values[6], writeMilliseconds: values[7],
            inFlight: values[8], busyMilliseconds: values[9])
    }

    /// Devices that node_exporter leaves out, too: `ram0`, `loop3`, `fd0`, and partitions such as `sda1`, `nvme0n1p2`.
    static func isIgnored(_ name: String) -> Bool {
        let digits = name.reversed().prefix { $0.isASCII && $0.isNumber }.count
        guard digits > 0 else { return false }
        let stem = name.dropLast(digits)
        if ["ram", "zram", "loop", "fd"].contains(stem) { return true }
        if stem.hasSuffix("p"), stem.dropLast().last?.isNumber ?? false {
            return stem.hasPrefix("nvme") || stem.hasPrefix("mmcblk") || stem.hasPrefix("nbd")
        }
        return ["hd", "sd", "vd", "xvd"].contains { kind in
            let letters = stem.dropFirst(kind.count)
            return stem.hasPrefix(kind) && !letters.isEmpty
                && letters.allSatisfy { $0.isASCII && $0.isLetter }
        }
    }

    /// True for a device whose work is done by others that have rows of their own, so that a sum would count it twice.
    static func isStacked(_ name: String) -> Bool {
        name.hasPrefix("dm-") || name.hasPrefix("md") || name.hasPrefix("bcache") || name.hasPrefix("drbd")
    }
}
