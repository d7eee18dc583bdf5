/// What /proc/vmstat has counted of paging since boot; a line that the kernel does not have is nil.
package struct PagingCounters: Sendable, Equatable {
    package var pagesIn: UInt64?
    package var pagesOut: UInt64?
    package var swappedIn: UInt64?
    package var swappedOut: UInt64?
    package var faults: UInt64?
    package var majorFaults: UInt64?
    /// Processes that the kernel killed for want of memory (since 4.13).
    package var outOfMemoryKills: UInt64?

    /// The lines of interest.
    static func parse(_ bytes: Span<UInt8>) -> PagingCounters {
        var counters = PagingCounters()
        var scanner = ByteScanner(bytes)
        while !scanner.isAtEnd {
            if scanner.skip("pgpgin ") {
                counters.pagesIn = scanner.number()
            } else if scanner.skip("pgpgout ") {
                counters.pagesOut = scanner.number()
            } else if scanner.skip("pswpin ") {
                counters.swappedIn = scanner.number()
            } else if scanner.skip("pswpout ") {
                counters.swappedOut = scanner.number()
            } else if scanner.skip("pgfault ") {
                counters.faults = scanner.number()
            } else if scanner.skip("pgmajfault ") {
                counters.majorFaults = scanner.number()
            } else if scanner.skip("oom_kill ") {
                counters.outOfMemoryKills = scanner.number()
            }
            scanner.skipLine()
        }
        return counters
    }
}

/// What /proc/stat tells besides CPU time; a line that is missing is nil.
package struct SystemCounters: Sendable, Equatable {
    package var contextSwitches: UInt64?
    package var interrupts: UInt64?
    package var forks: UInt64?
    /// Seconds since 1970.
    package var bootTime: UInt64?
    package var running: UInt64?
    package var blocked: UInt64?

    /// The lines after those of the CPUs.
    static func parse(_ bytes: Span<UInt8>) -> SystemCounters {
        var counters = SystemCounters()
        var scanner = ByteScanner(bytes)
        while !scanner.isAtEnd {
            if scanner.skip("ctxt ") {
                counters.contextSwitches = scanner.number()
            } else if scanner.skip("intr ") {
                counters.interrupts = scanner.number()
            } else if scanner.skip("processes ") {
                counters.forks = scanner.number()
            } else if scanner.skip("btime ") {
                counters.bootTime = scanner.number()
            } else if scanner.skip("procs_running ") {
                counters.running = scanner.number()
            } else if scanner.skip("procs_blocked ") {
                counters.blocked = scanner.number()
            }
            scanner.skipLine()
        }
        return counters
    }
}

/// The lines of /proc/meminfo that are told to Prometheus, in bytes; a line that is missing is left out.
package struct MemoryLines: Sendable, Equatable {
    /// The names, as the kernel and node_exporter have them.
    package static let names = [
        "MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapTotal", "SwapFree", "Dirty",
        "Writeback",
        "SReclaimable",
    ]
    package private(set) var bytes: [(name: String, bytes: UInt64)] = []

    /// The lines of interest.
    static func parse(_ bytes: Span<UInt8>) -> MemoryLines {
        var lines = MemoryLines()
        var scanner = ByteScanner(bytes)
        while !scanner.isAtEnd, lines.bytes.count < names.count {
            if let name = scanner.word(before: UInt8(ascii: ":")), names.contains(name),
                !lines.bytes.contains(where: { $0.name == name }), scanner.skip(":")
            {
                scanner.skipSpaces()
                if let count = scanner.number(),
                    case let (bytes, overflowed) = count.multipliedReportingOverflow(by: 1024),
                    !overflowed
                {
                    lines.bytes.append((name, bytes))
                }
            }
            scanner.skipLine()
        }
        return lines
    }

    package static func == (left: MemoryLines, right: MemoryLines) -> Bool {
        left.bytes.elementsEqual(right.bytes, by: ==)
    }
}
