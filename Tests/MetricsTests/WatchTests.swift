import Glibc
import Linux
import Synchronization
import Testing

@testable import Metrics

/// Threads that ask what may not answer.
@Suite(.timeLimit(.minutes(2))) struct WatchTests {
    private static let space = FilesystemSpace(
        totalBytes: 100, freeBytes: 60, availableBytes: 50, files: 10, freeFiles: 5)

    /// Mounts that hang until they are let go.
    private final class DeadMounts: Sendable {
        let dead = Mutex<Set<String>>([])
        let asked = Mutex<[String]>([])

        func ask(_ point: String) -> FilesystemSpace? {
            asked.withLock { $0.append(point) }
            while dead.withLock({ $0.contains(point) }) { usleep(1000) }
            return WatchTests.space
        }
    }

    private func mounts(_ points: [String]) throws -> ProcFixture {
        let proc = try ProcFixture()
        try proc.write("self/mounts", points.map { "srv:\($0) \($0) nfs4 rw 0 0\n" }.joined())
        return proc
    }

    /// Looks at ever later moments until the readings are as wished for.
    private func look(
        _ watch: FilesystemWatch, _ clock: inout Instant, until isDone: ([FilesystemReading]) -> Bool
    ) -> [FilesystemReading]? {
        let deadline = Instant.now().advanced(milliseconds: 30_000)
        while Instant.now() < deadline {
            if let readings = watch.look(at: clock), isDone(readings) { return readings }
            clock = max(clock.advanced(milliseconds: 100), .now())
            usleep(2000)
        }
        return nil
    }

    @Test func aDeadMountIsUnknownAndTheOthersAreNot() throws {
        let proc = try mounts(["/a", "/dead", "/z"])
        let fake = DeadMounts()
        let watch = try FilesystemWatch(proc: proc.root) { fake.ask($0) }
        defer { watch.stop() }
        var clock = Instant.now()
        let first = look(watch, &clock) { $0.count == 3 && $0.allSatisfy { $0.space != nil } }
        #expect(first?.map(\.mountPoint) == ["/a", "/dead", "/z"])
        #expect(abs((first?.first?.space?.used ?? 0) - 40.0 / 90) < 1e-9)

        fake.dead.withLock { _ = $0.insert("/dead") }
        fake.asked.withLock { $0 = [] }
        let without = look(watch, &clock) { readings in
            readings.first { $0.mountPoint == "/dead" }?.space == nil
                && fake.asked.withLock { $0.filter { $0 == "/z" }.count >= 2 }
        }
        #expect(without?.map { $0.space != nil } == [true, false, true])
        #expect(watch.hangingCount == 1)

        fake.dead.withLock { $0 = [] }
        let again = look(watch, &clock) { $0.allSatisfy { $0.space != nil } }
        #expect(again != nil, "a mount that answers again is known again")
    }

    @Test func deadMountsDoNotCostEverMoreThreads() throws {
        let points = (0..<20).map { "/dead\($0)" } + ["/ok"]
        let proc = try mounts(points)
        let fake = DeadMounts()
        fake.dead.withLock { $0 = Set(points.dropLast()) }
        let watch = try FilesystemWatch(proc: proc.root) { fake.ask($0) }
        var clock = Instant.now()
        let deadline = Instant.now().advanced(milliseconds: 20_000)
        while watch.hangingCount < FilesystemWatch.threadsMax, Instant.now() < deadline {
            clock = max(clock.advanced(milliseconds: 200), .now())
            _ = watch.look(at: clock)
            usleep(1000)
        }
        for _ in 0..<50 {
            clock = clock.advanced(milliseconds: 5000)
            _ = watch.look(at: clock)
        }
        #expect(watch.hangingCount == FilesystemWatch.threadsMax)
        #expect(fake.asked.withLock { $0.count } == FilesystemWatch.threadsMax)
        watch.stop()
        fake.dead.withLock { $0 = [] }
    }

    @Test func thisMachinesRootHasRoom() throws {
        let space = try #require(FilesystemWatch.statfs("/"))
        #expect(space.totalBytes > 0 && space.freeBytes <= space.totalBytes)
        #expect((0...1).contains(try #require(space.used)))
        #expect(FilesystemWatch.statfs("/no such folder") == nil)
    }

    @Test func theGreediestProcessesComeFirst() throws {
        let proc = try ProcFixture()
        let tick = ticksPerSecond
        for (pid, ticks) in [(10, 0), (11, 0), (12, 500)] {
            try proc.writeProcess(
                Int32(pid), name: "p\(pid)", userTicks: UInt64(ticks), startTicks: 5, pages: 2)
        }
        var census = ProcessCensus(proc: proc.root)
        let start = Instant(nanoseconds: 1_000_000_000)
        let first = census.take(at: start, count: 2)
        #expect(first == nil)
        try proc.writeProcess(10, name: "p10", userTicks: tick, startTicks: 5, pages: 2)
        try proc.writeProcess(11, name: "p11", userTicks: 4 * tick, startTicks: 5, pages: 2)
        try proc.writeProcess(12, name: "anew", userTicks: 9 * tick, startTicks: 99, pages: 2)
        let taken = census.take(at: start.advanced(milliseconds: 2000), count: 2)
        let consumers = try #require(taken)
        #expect(consumers.map(\.pid) == [11, 10], "a number that another process has now tells nothing")
        #expect(consumers.map(\.cores) == [2, 0.5])
        #expect(consumers.first?.name == "p11")
    }

    @Test func aBusyThreadIsFoundOnThisMachine() throws {
        let watch = try TopWatch(count: 50)
        defer { watch.stop() }
        let deadline = Instant.now().advanced(milliseconds: 20_000)
        var isFound = false
        while !isFound, Instant.now() < deadline {
            let until = Instant.now().advanced(milliseconds: 60)
            while Instant.now() < until {}  // this process is what is to be found
            isFound = watch.look()?.contains { $0.pid == getpid() && $0.cores > 0 } ?? false
        }
        #expect(isFound)
    }
}
