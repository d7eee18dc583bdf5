import Glibc
import Linux
import Synchronization
import Testing

@testable import Store

@Suite struct NameResolverTests {
    /// A lookup whose answers the test holds back.
    private final class Gate: Sendable {
        let isOpen = Atomic(false)
        let lookups = Atomic(0)

        func result(_ addresses: NameResolver.LookupResult) -> NameResolver.LookupResult {
            lookups.add(1, ordering: .releasing)
            while !isOpen.load(ordering: .acquiring) { usleep(1000) }
            return addresses
        }
    }

    private let one = [SocketAddress](["10.0.0.1:1"].compactMap { try? SocketAddress($0) })
    private let two = [SocketAddress](["10.0.0.2:1"].compactMap { try? SocketAddress($0) })

    @Test func anAddressNeedsNoLookup() throws {
        let resolver = NameResolver { _, _ in .failed("asked") }
        #expect(
            try resolver.addresses(of: "127.0.0.1", port: 5, until: soon()).map(\.description) == [
                "127.0.0.1:5"
            ])
        #expect(try resolver.addresses(of: "::1", port: 5, until: soon()).map(\.description) == ["[::1]:5"])
    }

    @Test func localhostIsFound() throws {
        let addresses = try NameResolver().addresses(of: "localhost", port: 5, until: soon())
        #expect(!addresses.isEmpty && addresses.allSatisfy { $0.isLoopback && $0.port == 5 })
    }

    @Test func aSlowLookupEndsAtTheDeadline() throws {
        let gate = Gate()
        defer { gate.isOpen.store(true, ordering: .releasing) }
        let resolver = NameResolver { [one] _, _ in gate.result(.found(one)) }
        let start = Instant.now()
        let fault = #expect(throws: StoreFault.self) {
            try resolver.addresses(of: "slow", port: 1, until: start.advanced(milliseconds: 50))
        }
        #expect((50..<2000).contains(Instant.now().milliseconds(since: start)))
        guard case .timeout = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        // A second caller waits for the same lookup and starts none of its own.
        #expect(throws: StoreFault.self) { try resolver.addresses(of: "slow", port: 1, until: soon(20)) }
        #expect(gate.lookups.load(ordering: .acquiring) == 1)
        gate.isOpen.store(true, ordering: .releasing)
        #expect(try resolver.addresses(of: "slow", port: 1, until: soon()) == one)
    }

    @Test func theLastGoodAnswerServesWhileTheNextIsMissing() throws {
        let gate = Gate()
        gate.isOpen.store(true, ordering: .releasing)
        let answer = Mutex<NameResolver.LookupResult>(.found(one))
        let resolver = NameResolver { _, _ in gate.result(answer.withLock { $0 }) }
        #expect(try resolver.addresses(of: "name", port: 1, until: soon()) == one)
        answer.withLock { $0 = .failed("server failure") }
        #expect(try resolver.addresses(of: "name", port: 1, until: soon()) == one)
        gate.isOpen.store(false, ordering: .releasing)
        answer.withLock { $0 = .found(two) }
        let start = Instant.now()
        #expect(try resolver.addresses(of: "name", port: 1, until: soon(10_000)) == one)
        #expect(Instant.now().milliseconds(since: start) < 5000)
        gate.isOpen.store(true, ordering: .releasing)
        let deadline = soon()
        var latest = one
        while latest == one, Instant.now() < deadline {
            latest = try resolver.addresses(of: "name", port: 1, until: soon())
        }
        #expect(latest == two)
    }

    @Test func anOldAnswerLeavesTimeForTheConnection() throws {
        let gate = Gate()
        gate.isOpen.store(true, ordering: .releasing)
        defer { gate.isOpen.store(true, ordering: .releasing) }
        let resolver = NameResolver { [one] _, _ in gate.result(.found(one)) }
        #expect(try resolver.addresses(of: "name", port: 1, until: soon()) == one)
        gate.isOpen.store(false, ordering: .releasing)
        // Of several tries, since a busy machine may delay one.
        let isLeft = try (0..<10).contains { _ in
            let deadline = soon(80)
            let addresses = try resolver.addresses(of: "name", port: 1, until: deadline)
            return addresses == one && deadline.milliseconds(since: .now()) >= 20
        }
        #expect(isLeft)
    }

    @Test func aFailureSaysWhichName() {
        let resolver = NameResolver { _, _ in .failed("Name or service not known") }
        #expect(throws: StoreFault.unreachable("nowhere: Name or service not known")) {
            try resolver.addresses(of: "nowhere", port: 1, until: soon())
        }
    }
}
