import Glibc
import Linux

@testable import Metrics

/// The ticks in a second here; start times and CPU times of fixtures are made with it.
let ticksPerSecond = UInt64(sysconf(Int32(_SC_CLK_TCK)))

/// Parses a text with one of the parsers.
func parse<Value>(_ text: String, _ parser: (Span<UInt8>) -> Value) -> Value {
    parser(Array(text.utf8).span)
}

/// The counters in a /proc/stat.
func processorTimes(_ text: String) -> ProcessorTimes {
    var times = ProcessorTimes()
    parse(text) { times.parse($0) }
    return times
}

/// A folder that stands for /proc; removed with its files at the end of the body.
final class ProcFixture {
    let root: String
    private var made: [String] = []

    init() throws {
        var template = Array("/tmp/troop-proc-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemFault("mkdtemp") }
        root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for path in made.reversed() { _ = Glibc.remove(path) }
        _ = rmdir(root)
    }

    /// Writes a file, in place when it is there already, with the folders above it.
    func write(_ name: String, _ text: String) throws {
        var folder = root
        for part in name.split(separator: "/").dropLast() {
            folder += "/\(part)"
            if mkdir(folder, 0o700) == 0 { made.append(folder) }
        }
        let path = "\(root)/\(name)"
        let isNew = access(path, F_OK) != 0
        let raw = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard raw >= 0 else { throw SystemFault("open", on: path) }
        let descriptor = Descriptor(owning: raw)
        if isNew { made.append(path) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor.raw, bytes, bytes.count) == bytes.count else {
            throw SystemFault("write", on: path)
        }
    }

    func remove(_ name: String) { _ = unlink("\(root)/\(name)") }

    /// Writes a process's stat: CPU time, start and memory; and its children, when the kernel shows them.
    func writeProcess(
        _ pid: Int32, name: String = "app", state: String = "S", userTicks: UInt64, systemTicks: UInt64 = 0,
        startTicks: UInt64, pages: UInt64, children: [Int32]? = nil
    ) throws {
        try write(
            "\(pid)/stat",
            "\(pid) (\(name)) \(state) 1 1 1 0 -1 4194560 100 0 0 0 \(userTicks) \(systemTicks) 7 7 20 0 1 0 "
                + "\(startTicks) 3133440 \(pages) 18446744073709551615 0 0 0\n")
        guard let children else { return }
        try write("\(pid)/task/\(pid)/children", children.map { "\($0) " }.joined())
    }
}

/// Two copies of a /proc, looked at as successive moments of one host.
struct TwoLooks {
    let sampler: Sampler
    let first: Sample
    let second: Sample

    init(before: String, after: String, milliseconds: Int64 = 10_000) {
        let start = Instant(nanoseconds: 5_000_000_000)
        sampler = Sampler(scope: .host, proc: before)
        first = sampler.sample(at: start, thorough: true)
        sampler.move(to: after)
        second = sampler.sample(at: start.advanced(milliseconds: milliseconds), thorough: true)
    }

    /// What Prometheus is told of the second moment.
    var page: String {
        String(
            decoding: MetricsText.bytes(of: HostMetrics.families(sampler.counters())), as: UTF8.self)
    }
}

let sampleStat = """
    cpu  4036 0 2404 161080 701 0 45 243 0 0
    cpu0 813 0 899 82357 26 0 11 124 0 0
    cpu1 3223 0 1504 78722 674 0 34 118 0 0
    intr 123222 0 0 0 1 13
    ctxt 216698
    btime 1795462586

    """

let sampleMeminfo = """
    MemTotal:       24684084 kB
    MemFree:        24113880 kB
    MemAvailable:   24356244 kB
    Buffers:            1152 kB
    Cached:           428776 kB
    SwapCached:            7 kB
    Active:            29808 kB
    Active(anon):       1548 kB
    Inactive(anon):     6716 kB
    Active(file):      28260 kB
    Inactive(file):   392996 kB
    SReclaimable:      54400 kB
    SUnreclaim:        22048 kB
    HugePages_Total:       0

    """

let samplePressure = """
    some avg10=3.99 avg60=0.87 avg300=0.44 total=6205296
    full avg10=1.50 avg60=0.00 avg300=100.00 total=6059497

    """
