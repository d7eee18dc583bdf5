import Glibc
import Linux
import Testing

@testable import Metrics

@Suite struct ProcessTreeTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)
    /// The instant above, as start times count.
    private let startTicks = 1000 * ticksPerSecond
    private let page = UInt64(sysconf(Int32(_SC_PAGESIZE)))
    private let proc: ProcFixture
    private let sampler: Sampler

    init() throws {
        proc = try ProcFixture()
        try proc.write("stat", sampleStat)
        try proc.write("meminfo", "MemTotal: 1024000 kB\nMemFree: 500000 kB\nMemAvailable: 600000 kB\n")
        try proc.write("loadavg", "0.50 0.25 0.10 1/87 4873\n")
        try proc.write("app.pid", "42\n")
        sampler = Sampler(scope: .process(pidFile: "\(proc.root)/app.pid"), proc: proc.root)
    }

    private func sample(afterMilliseconds milliseconds: Int64 = 0) -> Sample {
        sampler.sample(at: start.advanced(milliseconds: milliseconds))
    }

    @Test func oneProcessIsMeasuredAgainstTheMachine() throws {
        try proc.writeProcess(42, userTicks: 500, startTicks: 77, pages: 25_600)
        let first = sample()
        #expect(first.cpu == nil)
        #expect(first.memoryUsed == Double(25_600 * page) / Double(1_024_000 * 1024))
        #expect(first.memoryAvailableBytes == 600_000 * 1024)
        #expect(first.load?.oneMinute == 0.5)
        let half = ticksPerSecond / 2
        try proc.writeProcess(
            42, userTicks: 500 + half / 2, systemTicks: half / 2, startTicks: 77, pages: 25_600)
        #expect(sample(afterMilliseconds: 1000).cpu == 0.25, "half a second of a second on two cores")
    }

    @Test func aStatedAllowanceIsTheWhole() throws {
        try proc.writeProcess(42, userTicks: 0, startTicks: 77, pages: 1)
        let sampler = Sampler(
            scope: .process(pidFile: "\(proc.root)/app.pid"), proc: proc.root, cpuAllowance: 0.5)
        #expect(sampler.sample(at: start).cpu == nil)
        try proc.writeProcess(42, userTicks: ticksPerSecond / 4, startTicks: 77, pages: 1)
        #expect(sampler.sample(at: start.advanced(milliseconds: 1000)).cpu == 0.5)
        try proc.writeProcess(42, userTicks: 50 * ticksPerSecond, startTicks: 77, pages: 1)
        #expect(sampler.sample(at: start.advanced(milliseconds: 2000)).cpu == 1, "never more than all")
    }

    @Test func childrenAndTheirChildrenBelongToIt() throws {
        try proc.writeProcess(42, userTicks: 0, startTicks: 77, pages: 10, children: [50, 51])
        try proc.writeProcess(50, userTicks: 1000, startTicks: 80, pages: 20, children: [])
        try proc.writeProcess(51, userTicks: 0, startTicks: 81, pages: 30, children: [60])
        try proc.writeProcess(60, userTicks: 0, startTicks: 82, pages: 40, children: [])
        try proc.writeProcess(99, userTicks: 9999, startTicks: 82, pages: 4000, children: [])
        let total = Double(1_024_000 * 1024)
        #expect(sample().memoryUsed == Double(100 * page) / total)
        let tenth = ticksPerSecond / 10
        try proc.writeProcess(42, userTicks: tenth, startTicks: 77, pages: 10)
        try proc.writeProcess(50, userTicks: 1000 + tenth, startTicks: 80, pages: 20)
        try proc.writeProcess(60, userTicks: 2 * tenth, startTicks: 82, pages: 40)
        #expect(sample(afterMilliseconds: 1000).cpu == 0.2)
    }

    @Test func aChildBornSinceCountsWholeAndAnOlderOneFoundLateDoesNot() throws {
        let tenth = ticksPerSecond / 10
        try proc.writeProcess(42, userTicks: 0, startTicks: 77, pages: 1, children: [])
        #expect(sample().cpu == nil)
        try proc.writeProcess(
            50, userTicks: 2 * tenth, startTicks: startTicks + tenth, pages: 1, children: [])
        try proc.writeProcess(
            51, userTicks: 9 * tenth, startTicks: startTicks - tenth, pages: 1, children: [])
        try proc.writeProcess(42, userTicks: 0, startTicks: 77, pages: 1, children: [50, 51])
        #expect(sample(afterMilliseconds: 1000).cpu == 0.1)
    }

    @Test func aChildThatEndsTakesNothingBack() throws {
        let tenth = ticksPerSecond / 10
        try proc.writeProcess(42, userTicks: 0, startTicks: 77, pages: 1, children: [50])
        try proc.writeProcess(50, userTicks: 5000, startTicks: 80, pages: 1, children: [])
        #expect(sample().cpu == nil)
        proc.remove("50/stat")
        try proc.writeProcess(42, userTicks: 2 * tenth, startTicks: 77, pages: 1, children: [50])
        #expect(sample(afterMilliseconds: 1000).cpu == 0.1)
    }

    @Test func anotherChildWithTheNumberOfAnEndedOneCountsFromItsBirth() throws {
        let tenth = ticksPerSecond / 10
        try proc.writeProcess(42, userTicks: 0, startTicks: 77, pages: 1, children: [50])
        try proc.writeProcess(50, userTicks: 5000, startTicks: 80, pages: 1, children: [])
        #expect(sample().cpu == nil)
        try proc.writeProcess(50, userTicks: 2 * tenth, startTicks: startTicks + tenth, pages: 1)
        #expect(sample(afterMilliseconds: 1000).cpu == 0.1)
    }

    @Test func whatIsOlderThanTheProcessIsNoChildOfIt() throws {
        try proc.writeProcess(42, userTicks: 0, startTicks: 77, pages: 1, children: [50])
        try proc.writeProcess(50, userTicks: 0, startTicks: 76, pages: 1000, children: [])
        #expect(sample().memoryUsed == Double(page) / Double(1_024_000 * 1024))
    }

    @Test func aTreeThatBitesItsTailEnds() throws {
        try proc.writeProcess(42, userTicks: 0, startTicks: 77, pages: 1, children: [50, 42, 50])
        try proc.writeProcess(50, userTicks: 0, startTicks: 80, pages: 2, children: [42, 50])
        #expect(sample().memoryUsed == Double(3 * page) / Double(1_024_000 * 1024))
    }

    @Test func anotherProcessWithTheSameNumberBeginsAnew() throws {
        try proc.writeProcess(42, userTicks: 100, startTicks: 77, pages: 1)
        #expect(sample().cpu == nil)
        try proc.writeProcess(42, userTicks: 5000, startTicks: 5077, pages: 1)
        #expect(sample(afterMilliseconds: 1000).cpu == nil)
        try proc.writeProcess(42, userTicks: 5000 + ticksPerSecond, startTicks: 5077, pages: 1)
        #expect(sample(afterMilliseconds: 2000).cpu == 0.5)
    }

    @Test func anotherPidFileIsFollowed() throws {
        try proc.writeProcess(42, userTicks: 100, startTicks: 77, pages: 1)
        try proc.writeProcess(43, userTicks: 100, startTicks: 77, pages: 5)
        #expect(sample().cpu == nil)
        try proc.write("app.pid", "43\n")
        let next = sample(afterMilliseconds: 1000)
        #expect(next.cpu == nil)
        #expect(next.memoryUsed == Double(5 * page) / Double(1_024_000 * 1024))
    }

    @Test(arguments: ["gone", "no pid file", "bad pid file", "zombie"])
    func withoutTheProcessThereIsNoValue(_ how: String) throws {
        try proc.writeProcess(42, userTicks: 100, startTicks: 77, pages: 1)
        #expect(sample().memoryUsed != nil)
        switch how {
        case "gone": proc.remove("42/stat")
        case "no pid file": proc.remove("app.pid")
        case "bad pid file": try proc.write("app.pid", "../../1\n")
        default: try proc.writeProcess(42, state: "Z", userTicks: 100, startTicks: 77, pages: 0)
        }
        let without = sample(afterMilliseconds: 1000)
        #expect(without.cpu == nil)
        #expect(without.memoryUsed == nil)
        #expect(without.load != nil, "the host's own values stay")
        try proc.write("app.pid", "42\n")
        try proc.writeProcess(42, userTicks: 100 + ticksPerSecond, startTicks: 77, pages: 1)
        #expect(sample(afterMilliseconds: 2000).cpu == nil, "after a gap it begins anew")
    }

    @Test func thisVeryProcessShowsTheTimeItBurns() throws {
        try proc.write("real.pid", "\(getpid())\n")
        let sampler = Sampler(scope: .process(pidFile: "\(proc.root)/real.pid"))
        let first = sampler.sample(at: .now())
        #expect(first.cpu == nil)
        #expect(try #require(first.memoryUsed) > 0)
        let deadline = Instant.now().advanced(milliseconds: 10_000)
        var burnt = 0.0
        while burnt == 0, Instant.now() < deadline {
            let pause = Instant.now().advanced(milliseconds: 50)
            while Instant.now() < pause {}
            burnt = try #require(sampler.sample(at: .now()).cpu)
        }
        #expect(burnt > 0 && burnt <= 1)
    }

    @Test(.enabled(if: showsChildren, "this kernel does not list children"))
    func aRealChildBelongsToItsParent() throws {
        // The shell only waits; its child counts to three million and ends by itself if nobody kills it.
        let script = "(i=0; while [ $i -lt 3000000 ]; do i=$((i+1)); done) & wait"
        let group = try spawnGroup(["/bin/sh", "-c", script])
        defer {
            kill(-group, SIGKILL)
            waitpid(group, nil, 0)
        }
        try proc.write("real.pid", "\(group)\n")
        let sampler = Sampler(scope: .process(pidFile: "\(proc.root)/real.pid"))
        let deadline = Instant.now().advanced(milliseconds: 10_000)
        var seen = 0.0
        while seen == 0, Instant.now() < deadline {
            seen = sampler.sample(at: .now()).cpu ?? 0
            usleep(20_000)
        }
        #expect(seen > 0 && seen <= 1)
    }

    private static var showsChildren: Bool { access("/proc/self/task/\(getpid())/children", R_OK) == 0 }

    /// Starts a program in a process group of its own, which can be ended as a whole.
    private func spawnGroup(_ words: [String]) throws -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        var arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, words[0], nil, &attributes, &arguments, nil)
        guard code == 0 else { throw SystemFault("posix_spawn", on: words[0], code: code) }
        return pid
    }
}
