import Fixtures
import Glibc
import Testing

@testable import Peer

@Suite struct AddressKeeperTests {
    /// What a keeper says after a promotion; its interface does not exist.
    private func told(mayLead: Bool) async throws -> [VIPCore.Message] {
        let address = VirtualAddress(
            prefix: .init(bytes: [10, 0, 0, 100], bits: 24), interface: "troop-none")
        let told = Record<VIPCore.Message>()
        let keeper = try AddressKeeper(
            VIPSettings(address: address, drainMilliseconds: 0, limboMilliseconds: 1000),
            isInherited: false, mayLead: { mayLead }, onTell: { told.add($0) })
        try keeper.start()
        #expect(await eventually { told.all.count == 1 })
        keeper.tell(.promoted)
        keeper.stop(keeps: true)
        return told.all.filter { if case .trouble = $0 { false } else { true } }
    }

    @Test func aPromotionTakesEffectWhenTheLeaseIsSeenToHoldAgain() {
        var lapse = AddressKeeper.Lapse()
        #expect(lapse.judge(mayLead: false) == .limbo)
        #expect(!lapse.isWaiting)
        #expect(lapse.hear(.promoted, mayLead: true) == .promoted)
        #expect(lapse.judge(mayLead: true) == nil)
        // The deadline passes unseen by the elector, which then renews without a word.
        #expect(lapse.judge(mayLead: false) == .limbo)
        #expect(lapse.isWaiting)
        #expect(lapse.judge(mayLead: true) == .promoted)
        #expect(lapse.judge(mayLead: true) == nil)
        // A promotion that waited for too long, and one that the elector has taken back since.
        #expect(lapse.hear(.promoted, mayLead: false) == .wake)
        #expect(lapse.judge(mayLead: true) == .promoted)
        #expect(lapse.hear(.promoted, mayLead: false) == .wake)
        #expect(lapse.hear(.demoted, mayLead: false) == .demoted)
        #expect(lapse.judge(mayLead: true) == nil)
        #expect(lapse.judge(mayLead: false) == .limbo)
        #expect(!lapse.isWaiting)
    }

    /// The keeper's thread may be held up for longer than the lease holds.
    @Test(.timeLimit(.minutes(1))) func aPromotionThatComesTooLateIsNone() async throws {
        #expect(try await told(mayLead: true) == [.taken])
        #expect(try await told(mayLead: false) == [])
    }

    /// Needs the right to change addresses; on the loopback interface nobody else hears of it.
    @Test(.enabled(if: geteuid() == 0)) func anAddressThatGoesIsHeardOf() throws {
        let station = try AddressStation(
            VirtualAddress(prefix: .init(bytes: [127, 77, 0, 1], bits: 32), interface: "lo"))
        try station.change(adds: true)
        #expect(station.isPresent == true)
        #expect(!station.news().hasLostAddress)
        try station.change(adds: false)
        let news = station.news()
        #expect(news.hasLostAddress && news.isUp == nil)
        #expect(station.isPresent == false)
        #expect(!station.news().hasLostAddress)
    }
}
