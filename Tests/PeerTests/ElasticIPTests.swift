import Election
import Fixtures
import Linux
import Logging
import Remediation
import Synchronization
import Testing

@testable import Peer
@testable import Store

@Suite struct ElasticIPTests {
    private let start = Instant(nanoseconds: 1_000_000_000)
    private func at(_ milliseconds: Int64) -> Instant { start.advanced(milliseconds: milliseconds) }

    @Test func aLeaderTakesVerifiesAndLooksAgain() {
        var claim = AddressClaim(checkMilliseconds: 30_000)
        #expect(claim.handle(.wake, at: at(0)) == [])
        #expect(claim.handle(.leads(true), at: at(0)) == [.look])
        #expect(claim.handle(.wake, at: at(5)) == [])  // one question at a time
        #expect(claim.handle(.held(isOurs: false, by: "i-other"), at: at(10)) == [.move])
        #expect(claim.handle(.moved, at: at(400)) == [])
        #expect(claim.handle(.wake, at: at(1399)) == [])
        #expect(claim.handle(.wake, at: at(1400)) == [.look])
        #expect(
            claim.handle(.held(isOurs: true, by: "i-own"), at: at(1500)) == [
                .tell(.taken(afterMilliseconds: 1500))
            ])
        #expect(claim.handle(.wake, at: at(31_499)) == [])
        #expect(claim.handle(.wake, at: at(31_500)) == [.look])
    }

    @Test func whatAnotherTookIsTakenBackAndTold() {
        var claim = AddressClaim(checkMilliseconds: 30_000)
        _ = claim.handle(.leads(true), at: at(0))
        _ = claim.handle(.held(isOurs: true, by: "i-own"), at: at(10))
        #expect(claim.handle(.wake, at: at(30_010)) == [.look])
        let actions = claim.handle(.held(isOurs: false, by: "i-other"), at: at(30_020))
        #expect(actions == [.tell(.lost(to: "i-other")), .move])
    }

    @Test func failuresAreRepeatedMoreAndMoreSeldomAndToldOnce() {
        var claim = AddressClaim(checkMilliseconds: 30_000)
        _ = claim.handle(.leads(true), at: at(0))
        #expect(claim.handle(.failed("no"), at: at(10)) == [.tell(.trouble("no"))])
        #expect(claim.handle(.wake, at: at(1009)) == [])
        #expect(claim.handle(.wake, at: at(1010)) == [.look])
        #expect(claim.handle(.failed("no"), at: at(1020)) == [])
        #expect(claim.handle(.wake, at: at(3019)) == [])
        #expect(claim.handle(.wake, at: at(3020)) == [.look])
        #expect(claim.trouble == "no")
    }

    @Test func whoLeadsNoMoreMovesNothing() {
        var claim = AddressClaim(checkMilliseconds: 30_000)
        _ = claim.handle(.leads(true), at: at(0))
        #expect(claim.handle(.leads(false), at: at(5)) == [])
        // The answer to a question that was out comes too late.
        #expect(claim.handle(.held(isOurs: false, by: "i-other"), at: at(10)) == [])
        #expect(claim.handle(.wake, at: at(15)) == [])
        #expect(claim.handle(.leads(true), at: at(20)) == [.look])
    }

    /// A provider that does not answer until it is let go.
    private final class SilentProvider: AddressMover {
        private let isSilent = Mutex(true)
        let moves = Record<String>()

        func letGo() { isSilent.withLock { $0 = false } }

        func ownMachine() async throws(ProviderFault) -> String {
            while isSilent.withLock({ $0 }) { await Task.yield() }
            return "i-own"
        }

        func holder(of allocation: String) async throws(ProviderFault) -> String? { "i-other" }

        func move(
            _ allocation: String, to machine: String, permit: @escaping Permit
        ) async throws(ProviderFault) {
            moves.add(machine)
        }
    }

    @Test func nobodyWaitsForAProviderThatDoesNotAnswer() async throws {
        let provider = SilentProvider()
        let store = try Store(StoreSettings(url: try StoreURL("redis://127.0.0.1:1")), name: "test") { _ in }
        let events = EventLog(
            store: store, keys: Keys(cluster: "demo"), host: "a",
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let address = ElasticAddress(
            ElasticIPSettings(allocation: "eipalloc-1", checkMilliseconds: 30_000), mover: provider,
            events: events, permit: { true })
        let isPrompt = Mutex(false)
        let caller = Task {
            await address.lead(true)
            await address.tick()
            await address.lead(false)
            await address.lead(true)
            isPrompt.withLock { $0 = true }
        }
        #expect(await eventually { isPrompt.withLock { $0 } })
        provider.letGo()
        await caller.value
        #expect(await eventually { provider.moves.all == ["i-own"] })
        await address.close()
    }
}
