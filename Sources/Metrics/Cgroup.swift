import Glibc
import Linux

/// Where a control group's files are: version 1 has a tree for each controller, version 2 one for all.
struct CgroupPlace: Equatable {
    /// The version of the group's CPU and memory controllers.
    enum Version: Equatable { case one, two }

    var version: Version
    /// The folder with `cpu.stat` (2) or `cpuacct.usage` (1).
    var usage: String
    /// The folder with `cpu.max` (2) or `cpu.cfs_quota_us` (1), and its tree's root, above which nothing is asked.
    var quota: String
    var memory: String
    var cpuset: String
    /// Where each of the trees begins.
    var roots: [String]
    /// Whether this process is in the group.
    var holdsSelf: Bool

    /// Finds the group's folders: `path` below the mounted trees, or the group of this very process when nil.
    ///
    /// `list` is a /proc/self/cgroup. In a container without a name space of its own for groups the paths it gives are the
    /// host's, and what is mounted is the container's own folder: a folder that is not there is taken for the root.
    static func find(_ path: String?, list: String, root: String, exists: (String) -> Bool) -> CgroupPlace? {
        var own: [String: String] = [:]
        for line in list.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            for controller in parts[1].isEmpty ? [""] : parts[1].split(separator: ",") {
                own[String(controller)] = String(parts[2])
            }
        }
        func inside(_ controller: String) -> Bool {
            guard let path, path != "/" else { return true }
            guard let mine = own[controller] else { return false }
            return mine == path || mine.hasPrefix(path + "/")
        }
        func folder(_ tree: String, _ controller: String) -> String {
            let wanted = tree + (path ?? own[controller] ?? "/")
            let text = wanted.hasSuffix("/") ? String(wanted.dropLast()) : wanted
            return exists(text) || path != nil ? text : tree
        }
        func tree(_ controller: String) -> String? {
            ["\(root)/\(controller)", "\(root)/cpu,cpuacct"].first(where: exists)
        }
        if exists("\(root)/cgroup.controllers") {
            let all = folder(root, "")
            return CgroupPlace(
                version: .two, usage: all, quota: all, memory: all, cpuset: all, roots: [root],
                holdsSelf: inside(""))
        }
        guard let usage = tree("cpuacct"), let quota = tree("cpu") else { return nil }
        let memory = "\(root)/memory"
        let cpuset = "\(root)/cpuset"
        return CgroupPlace(
            version: .one, usage: folder(usage, "cpuacct"), quota: folder(quota, "cpu"),
            memory: folder(memory, "memory"), cpuset: folder(cpuset, "cpuset"),
            roots: [usage, quota, memory, cpuset], holdsSelf: inside("cpuacct"))
    }
}

/// CPU and memory of one control group, against what it may use.
final class Cgroup {
    /// What one look gave.
    struct Reading: Equatable {
        /// The share of the allowance used since the look before, 0 to 1; nil at the first.
        var cpu: Double?
        /// The cores that the group may use: by its quota, its CPU set and those of the groups above; nil without any.
        var cores: Double?
        /// The memory that the group may use; nil without a limit.
        var memoryLimitBytes: UInt64?
        /// The memory that it uses and that cannot be dropped: without the inactive page cache.
        var workingSetBytes: UInt64?
        var pressure: Pressure
    }

    /// Groups above one another that are asked for their limits.
    static let depthMax = 32
    /// A limit of version 1 that is as good as none.
    static let memoryBytesMax: UInt64 = 1 << 62

    let place: CgroupPlace
    private let buffer: ReadBuffer
    private let usage: KeptFile
    private let memory: KeptFile
    private let memoryStat: KeptFile
    private let cpuPressure: KeptFile
    private let memoryPressure: KeptFile
    private let ioPressure: KeptFile
    private var before: (at: Instant, nanoseconds: UInt64)?
    private var limits: (cores: Double?, memoryBytes: UInt64?) = (nil, nil)

    init(_ place: CgroupPlace, buffer: ReadBuffer) {
        self.place = place
        self.buffer = buffer
        let isTwo = place.version == .two
        usage = KeptFile(isTwo ? "\(place.usage)/cpu.stat" : "\(place.usage)/cpuacct.usage")
        memory = KeptFile(isTwo ? "\(place.memory)/memory.current" : "\(place.memory)/memory.usage_in_bytes")
        memoryStat = KeptFile("\(place.memory)/memory.stat")
        cpuPressure = KeptFile("\(place.usage)/cpu.pressure")
        memoryPressure = KeptFile("\(place.usage)/memory.pressure")
        ioPressure = KeptFile("\(place.usage)/io.pressure")
    }

    /// Reads the group's limits anew: they may be changed at any time, but seldom are.
    func readLimits() {
        limits.cores = [quotaCores(), cpusetCores()].compactMap(\.self).min()
        let file = place.version == .two ? "memory.max" : "memory.limit_in_bytes"
        limits.memoryBytes = above(place.memory) { folder in
            number(of: "\(folder)/\(file)").flatMap { $0 < Cgroup.memoryBytesMax ? Double($0) : nil }
        }.map { UInt64($0) }
    }

    /// Reads usage; `allowance` cores count as all of the CPU where they are stated, `machineCores` where nothing is.
    func read(at now: Instant, allowance: Double?, machineCores: Double?) -> Reading {
        var reading = Reading(pressure: Pressure())
        reading.cores = allowance ?? limits.cores
        reading.memoryLimitBytes = limits.memoryBytes
        let nanoseconds = usageNanoseconds()
        if let before, let nanoseconds, let cores = reading.cores ?? machineCores, cores > 0, now > before.at,
            nanoseconds >= before.nanoseconds
        {
            let elapsed = Double(now.nanoseconds - before.at.nanoseconds)
            reading.cpu = min(1, Double(nanoseconds - before.nanoseconds) / elapsed / cores)
        }
        before = nanoseconds.map { (now, $0) }
        reading.workingSetBytes = workingSet()
        reading.pressure.cpu = stall(cpuPressure)
        reading.pressure.memory = stall(memoryPressure)
        reading.pressure.io = stall(ioPressure)
        return reading
    }

    private func stall(_ file: KeptFile) -> PressureStall? {
        file.read(into: buffer) ? buffer.withBytes(PressureStall.parse) : nil
    }

    private func usageNanoseconds() -> UInt64? {
        guard usage.read(into: buffer) else { return nil }
        return buffer.withBytes { bytes in
            var scanner = ByteScanner(bytes)
            guard place.version == .two else { return scanner.number() }
            while !scanner.isAtEnd {
                if scanner.skip("usage_usec ") {
                    guard let value = scanner.number() else { return nil }
                    let (product, overflowed) = value.multipliedReportingOverflow(by: 1000)
                    return overflowed ? nil : product
                }
                scanner.skipLine()
            }
            return nil
        }
    }

    private func workingSet() -> UInt64? {
        guard memory.read(into: buffer),
            let used = buffer.withBytes({ bytes in
                var scanner = ByteScanner(bytes)
                return scanner.number()
            })
        else { return nil }
        guard memoryStat.read(into: buffer) else { return used }
        let isTwo = place.version == .two
        let inactive = buffer.withBytes { bytes -> UInt64? in
            var scanner = ByteScanner(bytes)
            while !scanner.isAtEnd {
                if scanner.skip(isTwo ? "inactive_file " : "total_inactive_file ") { return scanner.number() }
                scanner.skipLine()
            }
            return nil
        }
        return used.saturatingDifference(inactive ?? 0)
    }

    // MARK: - Limits

    private func quotaCores() -> Double? {
        above(place.quota) { folder in
            guard place.version == .one else { return text(of: "\(folder)/cpu.max").flatMap(Cgroup.cores) }
            guard let quota = number(of: "\(folder)/cpu.cfs_quota_us"), quota > 0,
                let period = number(of: "\(folder)/cpu.cfs_period_us"), period > 0
            else { return nil }
            return Double(quota) / Double(period)
        }
    }

    private func cpusetCores() -> Double? {
        let file = place.version == .two ? "cpuset.cpus.effective" : "cpuset.effective_cpus"
        return text(of: "\(place.cpuset)/\(file)").flatMap(Cgroup.count(ofCPUs:)).map { Double($0) }
    }

    /// The smallest value of a group and those above it.
    private func above(_ folder: String, _ value: (String) -> Double?) -> Double? {
        var folder = folder
        var least: Double?
        for _ in 0..<Cgroup.depthMax {
            if let found = value(folder) { least = min(least ?? found, found) }
            guard !place.roots.contains(folder), let slash = folder.lastIndex(of: "/"),
                slash > folder.startIndex
            else { break }
            folder = String(folder[..<slash])
        }
        return least
    }

    /// The cores of a `cpu.max`, as `150000 100000`; nil for `max`, and for what makes no sense.
    static func cores(_ text: String) -> Double? {
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count == 2, let quota = UInt64(words[0]), let period = UInt64(words[1]), quota > 0,
            period > 0
        else { return nil }
        return Double(quota) / Double(period)
    }

    /// The number of CPUs in a list such as `0-3,8`; nil for none and for what makes no sense.
    static func count(ofCPUs text: String) -> Int? {
        var count = 0
        for part in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1],
                (0...Int(Int32.max)).contains(first),
                (first..<first + ProcessorTimes.cpusMax).contains(last)
            else { return nil }
            count += last - first + 1
            guard count <= ProcessorTimes.cpusMax else { return nil }
        }
        return count == 0 ? nil : count
    }

    private func number(of path: String) -> UInt64? {
        text(of: path).flatMap { UInt64($0.trimming()) }
    }

    private func text(of path: String) -> String? {
        let file = Descriptor(owning: open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK))
        guard buffer.fill(from: file.raw), buffer.count > 0, buffer.count <= 65_536 else { return nil }
        return buffer.withBytes { bytes in
            bytes.withUnsafeBufferPointer { String(validating: $0, as: UTF8.self) }
        }
    }
}

extension String {
    /// The text without the white space after it.
    fileprivate func trimming() -> Substring {
        var text = self[...]
        while text.last?.isWhitespace ?? false { text.removeLast() }
        return text
    }
}
