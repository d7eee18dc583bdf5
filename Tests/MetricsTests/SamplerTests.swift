import Glibc
import Linux
import Testing

@testable import Metrics

@Suite struct SamplerTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)

    private func hostFixture() throws -> ProcFixture {
        let proc = try ProcFixture()
        try proc.write("stat", sampleStat)
        try proc.write("meminfo", sampleMeminfo)
        try proc.write("loadavg", "0.50 0.25 0.10 1/87 4873\n")
        for name in ["cpu", "memory", "io"] { try proc.write("pressure/\(name)", samplePressure) }
        return proc
    }

    @Test func aHostIsReadThroughFilesKeptOpen() throws {
        let proc = try hostFixture()
        let sampler = Sampler(scope: .host, proc: proc.root)
        let first = sampler.sample(at: start)
        #expect(first.cpu == nil, "shares need two samples")
        #expect(first.steal == nil && first.iowait == nil)
        #expect(first.cores == 2)
        #expect(first.memoryTotalBytes == 24_684_084 * 1024)
        #expect(first.memoryAvailableBytes == 24_356_244 * 1024)
        #expect(abs((first.memoryUsed ?? 0) - 0.01328) < 0.00001)
        #expect(first.load == LoadAverage(oneMinute: 0.5, fiveMinutes: 0.25, fifteenMinutes: 0.1))
        #expect(first.pressure.memory?.some == 3.99)
        #expect(first.pressure.io?.full == 1.5)

        try proc.write(
            "stat", "cpu  0\ncpu0 823 0 899 82447 26 0 11 124 0 0\ncpu1 3253 0 1504 78782 684 0 34 118 0 0\n")
        // From here on the names are gone or lead elsewhere: only files that stayed open tell of this host.
        for name in ["stat", "meminfo", "loadavg", "pressure/cpu", "pressure/memory", "pressure/io"] {
            proc.remove(name)
        }
        try proc.write("stat", "cpu  0\ncpu0 1 0 1 1 1 0 1 1 0 0\n")
        let second = sampler.sample(at: start.advanced(milliseconds: 2000))
        #expect(second.cpu == 0.2, "10 of 100 ticks and 30 of 100")
        #expect(second.iowait == 0.05)
        #expect(second.steal == 0)
        #expect(second.memoryAvailableBytes == first.memoryAvailableBytes)
        #expect(second.load == first.load && second.pressure == first.pressure)
    }

    @Test func whatIsMissingIsNoValue() throws {
        let proc = try ProcFixture()
        let sampler = Sampler(scope: .host, proc: proc.root)
        for _ in 0..<2 {
            var sample = sampler.sample(at: start)
            sample.readMicroseconds = 0
            #expect(sample == Sample())
        }
    }

    @Test func aKernelWithoutPressureHasTheRest() throws {
        let proc = try ProcFixture()
        try proc.write("stat", sampleStat)
        let sample = Sampler(scope: .host, proc: proc.root).sample(at: start)
        #expect(sample.cores == 2)
        #expect(sample.pressure == Pressure())
    }

    @Test func anEstimateUsesTheZonesWatermarks() throws {
        let proc = try hostFixture()
        try proc.write(
            "meminfo",
            "MemTotal: 800000 kB\nMemFree: 400000 kB\nActive(file): 100000 kB\nInactive(file): 100000 kB\nSReclaimable: 0 kB\n"
        )
        try proc.write("zoneinfo", "Node 0, zone DMA\n        low      25\n")
        let page = UInt64(sysconf(Int32(_SC_PAGESIZE)))
        let sample = Sampler(scope: .host, proc: proc.root).sample(at: start)
        #expect(sample.memoryAvailableBytes == 600_000 * 1024 - 2 * 25 * page)
    }

    @Test func aFileLargerThanTheBufferIsReadWhole() throws {
        let proc = try hostFixture()
        let rows = (0..<3000).map { "cpu\($0) 100 0 100 100 0 0 0 0 0 0\n" }.joined()
        #expect(rows.utf8.count > ReadBuffer.bytesAtFirst)
        try proc.write("stat", rows + "intr 5\n")
        #expect(Sampler(scope: .host, proc: proc.root).sample(at: start).cores == 3000)
    }

    @Test func thisMachineGivesValuesInRange() throws {
        let sampler = Sampler(scope: .host)
        let first = sampler.sample(at: .now())
        #expect(first.cpu == nil)
        let deadline = Instant.now().advanced(milliseconds: 5000)
        var sample = sampler.sample(at: .now())
        while sample.cpu == nil, Instant.now() < deadline { sample = sampler.sample(at: .now()) }
        #expect((0...1).contains(try #require(sample.cpu)))
        #expect((0...1).contains(try #require(sample.memoryUsed)))
        #expect(try #require(sample.cores) >= 1)
        #expect(try #require(sample.load).oneMinute >= 0)
        #expect(sample.readMicroseconds > 0 && sample.readMicroseconds < 5_000_000)
    }

    @Test func theAgentsOwnShareIsOfTheTimeBetweenTwoCalls() {
        var usage = SelfUsage()
        #expect(usage.share(at: start, cores: 2, cpuNanoseconds: 5_000_000_000) == nil)
        let later = start.advanced(milliseconds: 1000)
        #expect(usage.share(at: later, cores: 2, cpuNanoseconds: 5_500_000_000) == 0.25)
        #expect(usage.share(at: later, cores: 2, cpuNanoseconds: 5_600_000_000) == nil)
        #expect(
            usage.share(at: later.advanced(milliseconds: 1), cores: 2, cpuNanoseconds: 9_000_000_000) == 1)
        #expect(usage.share(at: later.advanced(milliseconds: 9), cores: 2, cpuNanoseconds: 0) == 0)
        let before = SelfUsage.cpuNanoseconds()
        #expect(before > 0)
        #expect(SelfUsage.cpuNanoseconds() >= before)
    }
}
