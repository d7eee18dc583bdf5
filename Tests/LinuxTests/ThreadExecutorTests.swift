import Glibc
import Linux
import Synchronization
import Testing

@Suite struct ThreadExecutorTests {
    private actor Clerk {
        private let executor: ThreadExecutor
        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
        private var total = 0
        init(_ executor: ThreadExecutor) { self.executor = executor }
        func add(_ number: Int) -> (total: Int, thread: UInt) {
            total += number
            return (total, pthread_self())
        }
    }

    @Test func anActorStaysOnItsOwnThread() async throws {
        let executor = try ThreadExecutor(named: "clerk")
        defer { executor.finish() }
        let clerk = Clerk(executor)
        var threads: Set<UInt> = []
        for _ in 0..<100 { threads.insert(await clerk.add(1).thread) }
        #expect(threads.count == 1)
        #expect(await clerk.add(0).total == 100)
    }

    @Test func aPaceRunsOnTheSameThreadUntilItEnds() async throws {
        let executor = try ThreadExecutor(named: "pace")
        let clerk = Clerk(executor)
        let thread = await clerk.add(0).thread
        let turns = Mutex((count: 0, threads: Set<UInt>()))
        executor.keepPace(everyMilliseconds: 1) {
            clerk.assumeIsolated { _ = $0.add(1) }  // would stop the process on any other thread
            turns.withLock { turns in
                turns.count += 1
                turns.threads.insert(pthread_self())
            }
        }
        while turns.withLock({ $0.count }) < 5 { await Task.yield() }
        #expect(turns.withLock { $0.threads } == [thread])
        executor.finish()
    }

    @Test func aRingBeforeTheWaitIsNotLost() throws {
        let bell = try Doorbell()
        bell.ring()
        #expect(bell.wait(milliseconds: 0))
        #expect(!bell.wait(milliseconds: 0))
    }
}
