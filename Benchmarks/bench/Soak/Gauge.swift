import Glibc

/// What one process holds: resident memory of its own, descriptors, threads.
struct Gauge: Equatable {
    var residentBytes: Int
    var descriptors: Int
    var threads: Int

    /// From its parts.
    init(residentBytes: Int, descriptors: Int, threads: Int) {
        self.residentBytes = residentBytes
        self.descriptors = descriptors
        self.threads = threads
    }

    /// Reads a running process; nil when there is none.
    init?(of pid: pid_t) {
        guard let status = TextFile.read("/proc/\(pid)/status") else { return nil }
        func number(_ key: String) -> Int? {
            let line = status.split(separator: "\n").first { $0.hasPrefix(key) }
            return line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap {
                Int($0)
            }
        }
        // Its own memory: how much of the program's file has been touched by now says nothing of growth.
        guard let kilobytes = number("RssAnon:"), let threads = number("Threads:") else { return nil }
        residentBytes = kilobytes * 1024
        descriptors = Folder.names(in: "/proc/\(pid)/fd").count
        self.threads = threads
    }

    /// The greater of each.
    func most(_ other: Gauge) -> Gauge {
        Gauge(
            residentBytes: max(residentBytes, other.residentBytes),
            descriptors: max(descriptors, other.descriptors), threads: max(threads, other.threads))
    }
}

/// The readings of one process through a soak, and whether it grew.
struct Growth {
    /// Memory may grow by this share and so many bytes: the allocator's pools fill for a while.
    static let memoryShare = 0.10
    static let memoryBytes = 3_000_000
    /// Who leads has connections that a standby has not: those of all clients, and one that rests at each application for each.
    static let descriptors = Soak.clients * (1 + SoakTroop.applications) + 6
    static let threads = 2

    let name: String
    private(set) var readings: [(second: Double, gauge: Gauge)] = []

    init(_ name: String) { self.name = name }

    /// Takes a reading, so many seconds after the beginning.
    mutating func note(_ gauge: Gauge, at second: Double) { readings.append((second, gauge)) }

    /// The most of the readings of a part of the time, as shares of it; nil without any.
    func most(from start: Double, to end: Double) -> Gauge? {
        guard let last = readings.last?.second else { return nil }
        return readings.filter { $0.second >= start * last && $0.second <= end * last }.map(\.gauge)
            .reduce(nil) { $0?.most($1) ?? $1 }
    }

    /// What grew from the second quarter of the time, when everything has happened once, to the last one; empty where it is flat.
    var grown: [String] {
        guard let before = most(from: 0.25, to: 0.5), let after = most(from: 0.75, to: 1) else {
            return ["too few readings"]
        }
        var grown: [String] = []
        let allowed = Int(Double(before.residentBytes) * (1 + Growth.memoryShare)) + Growth.memoryBytes
        if after.residentBytes > allowed { grown.append("memory") }
        if after.descriptors > before.descriptors + Growth.descriptors { grown.append("descriptors") }
        if after.threads > before.threads + Growth.threads { grown.append("threads") }
        return grown
    }
}
