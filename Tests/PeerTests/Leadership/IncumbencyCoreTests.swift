import Election
import Linux
import Testing

@testable import Peer

@Suite struct IncumbencyCoreTests {
    private let start = Instant(nanoseconds: 1_000_000_000)

    private func lease(_ host: String, _ epoch: Int64) throws -> Lease {
        try #require(Lease(host: host, nonce: "n", epoch: epoch))
    }

    private func change(_ standing: Standing, _ reason: String = "why") -> ElectionChange {
        ElectionChange(at: start, standing: standing, reason: reason)
    }

    private func leads(_ epoch: Int64) throws -> ElectionChange {
        change(.leader(try lease("a", epoch), until: start.advanced(milliseconds: 900)), "elected: b died")
    }

    private func hooks(_ actions: [IncumbencyCore.Action]) -> [HookOrder] {
        actions.compactMap { if case .hook(let order) = $0 { order } else { nil } }
    }

    private func kinds(_ actions: [IncumbencyCore.Action]) -> [String] {
        actions.compactMap { if case .tell(let kind, _, _, _) = $0 { kind } else { nil } }
    }

    @Test func aPromotionTakesTheOfficeAndSaysWhoHeldIt() throws {
        var core = IncumbencyCore(host: "a")
        _ = core.handle(change(.follower(leader: try lease("b", 7))))
        let actions = core.handle(try leads(8))
        // The disk comes last: clients wait for the address.
        #expect(actions.first == .address(.promoted))
        #expect(actions.suffix(2) == [.elasticIP(isOurs: true), .keepToken("a:n:8")])
        #expect(kinds(actions) == ["election.promoted"])
        let order = try #require(hooks(actions).first)
        #expect(order.occasion == .promote)
        let environment = Dictionary(
            uniqueKeysWithValues: order.environment(cluster: "demo").map { ($0.name, $0.value) })
        #expect(
            environment == [
                "TROOP_EVENT": "on_promote", "TROOP_EPOCH": "8", "TROOP_HOST": "a", "TROOP_LEADER": "a",
                "TROOP_PREVIOUS": "b", "TROOP_CLUSTER": "demo", "TROOP_REASON": "elected: b died",
            ])
    }

    @Test func limboKeepsTheOfficeUntilAnotherLeads() throws {
        var core = IncumbencyCore(host: "a")
        _ = core.handle(try leads(8))
        let limbo = core.handle(change(.limbo(try lease("a", 8)), "no renewal in time"))
        #expect(limbo.first == .address(.limbo))
        #expect(limbo.last == .failed)
        #expect(kinds(limbo) == ["election.limbo"])
        #expect(hooks(limbo) == [])
        let retired = core.handle(change(.follower(leader: try lease("c", 9))))
        #expect(retired.first == .address(.demoted))
        #expect(retired.suffix(2) == [.elasticIP(isOurs: false), .forgetToken])
        let order = try #require(hooks(retired).first)
        #expect(order.occasion == .demote)
        #expect(order.leader == "c")
        #expect(order.previous == "a")
        #expect(order.epoch == 8)
    }

    @Test func aLeaderThatIsElectedAgainAfterLimboIsPromotedAnewWithoutADemotion() throws {
        var core = IncumbencyCore(host: "a")
        _ = core.handle(try leads(8))
        _ = core.handle(change(.limbo(try lease("a", 8))))
        let again = core.handle(try leads(9))
        #expect(kinds(again) == ["election.promoted"])
        #expect(hooks(again).first?.previous == "a")
        #expect(again.last == .keepToken("a:n:9"))
    }

    @Test func aHandoverIsNoFailure() throws {
        var core = IncumbencyCore(host: "a")
        _ = core.handle(try leads(8))
        let retired = core.handle(change(.follower(leader: nil), "handed over to b: work"))
        #expect(kinds(retired) == ["election.demoted"])
        #expect(!retired.contains(.failed))
        // Who leads then is news for a follower, and for an address that was left to it.
        #expect(core.handle(change(.follower(leader: try lease("b", 9)))) == [.address(.demoted)])
    }

    @Test func whoNeverLedDoesNothing() throws {
        var core = IncumbencyCore(host: "a")
        #expect(core.handle(change(.candidate)) == [])
        #expect(core.handle(change(.limbo(nil))) == [])
        #expect(core.handle(change(.follower(leader: nil))) == [])
    }

    /// A successor has its predecessor's address before it has any office.
    @Test func anInheritedAddressGoesOnceAnotherHostLeads() throws {
        var core = IncumbencyCore(host: "a")
        #expect(core.handle(change(.candidate)) == [])
        #expect(core.handle(change(.follower(leader: try lease("a", 7)))) == [])
        #expect(core.handle(change(.follower(leader: nil))) == [])
        #expect(core.handle(change(.follower(leader: try lease("b", 8)))) == [.address(.demoted)])
    }

    @Test func aStopWaitsForAHookAsLongAsItMayRunAndTheUnitAllows() {
        func end(_ timeout: Int64, at milliseconds: Int64) -> Int64 {
            Incumbency.hooksEnd(
                timeoutMilliseconds: timeout, stoppingSince: start,
                at: start.advanced(milliseconds: milliseconds)
            ).milliseconds(since: start)
        }
        #expect(end(5000, at: 1000) == 8000)
        #expect(end(30_000, at: 1000) == 27_000)
        #expect(end(30_000, at: 11_000) == 27_000)
    }

    @Test func threeFailuresInAShortTimeMakeAHostStandBackForAGrowingTime() {
        var flaps = FlapGuard()
        func at(_ seconds: Int64) -> Instant { start.advanced(milliseconds: seconds * 1000) }
        #expect(flaps.failed(at: at(0)) == nil)
        #expect(flaps.failed(at: at(10)) == nil)
        #expect(flaps.failed(at: at(20)) == 30_000)
        #expect(flaps.standsBack(at: at(49)))
        #expect(flaps.notice(at: at(40))?.contains("another 10 s") == true)
        #expect(!flaps.standsBack(at: at(50)))
        #expect(flaps.notice(at: at(50)) == nil)
        // The failure that ended the last rest counts: two more are enough, and the next rest is twice as long.
        #expect(flaps.failed(at: at(60)) == nil)
        #expect(flaps.failed(at: at(70)) == 60_000)
        // Failures far apart are none of a flapping host.
        var calm = FlapGuard()
        for minute in 0..<20 as Range<Int64> { #expect(calm.failed(at: at(minute * 180)) == nil) }
    }

    @Test func theRestHasALimitAndCalmForgetsAll() {
        var flaps = FlapGuard()
        var now = start
        var longest: Int64 = 0
        for _ in 0..<200 {
            now = now.advanced(milliseconds: 1000)
            if let rest = flaps.failed(at: now) {
                longest = max(longest, rest)
                now = now.advanced(milliseconds: rest)
            }
        }
        #expect(longest == FlapGuard.restMillisecondsMax)
        now = now.advanced(milliseconds: FlapGuard.calmMilliseconds)
        #expect(flaps.failed(at: now) == nil)
        #expect(flaps.failed(at: now) == nil)
        #expect(flaps.failed(at: now) == 30_000)
    }
}
