import Glibc
import Linux
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

    @Test func aRingBeforeTheWaitIsNotLost() throws {
        let bell = try Doorbell()
        bell.ring()
        #expect(bell.wait(milliseconds: 0))
        #expect(!bell.wait(milliseconds: 0))
    }
}
