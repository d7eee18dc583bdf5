import Linux
import Testing

@testable import Peer

@Suite struct VIPCoreTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)

    private func core(drain: Int64 = 0, limbo: Int64 = 10_000) -> VIPCore {
        let prefix = VirtualAddress.Prefix(bytes: [10, 0, 0, 100], bits: 24)
        return VIPCore(
            VIPSettings(
                address: VirtualAddress(prefix: prefix, interface: "eth0"), drainMilliseconds: drain,
                limboMilliseconds: limbo))
    }

    private func at(_ milliseconds: Int64) -> Instant { start.advanced(milliseconds: milliseconds) }

    /// A core that leads and has announced its address three times.
    private func leading(drain: Int64 = 0, limbo: Int64 = 10_000) -> VIPCore {
        var core = core(drain: drain, limbo: limbo)
        _ = core.handle(.start(isPresent: false, isInherited: false), at: at(-5000))
        _ = core.handle(.promoted, at: at(-3900))
        _ = core.handle(.found(isPresent: true), at: at(-3900))
        for moment in [-3750, -2900, -100] as [Int64] {
            if core.handle(.wake, at: at(moment)) == [.look] {
                _ = core.handle(.found(isPresent: true), at: at(moment))
            }
        }
        return core
    }

    @Test func aPromotionAddsTheAddressAndAnnouncesItThreeTimes() {
        var core = core()
        #expect(core.handle(.start(isPresent: false, isInherited: false), at: at(0)) == [])
        #expect(core.wakeAt == nil)
        #expect(core.handle(.promoted, at: at(0)) == [.add, .tell(.taken)])
        #expect(core.handle(.found(isPresent: true), at: at(0)) == [.announce])
        #expect(core.wakeAt == at(150))
        #expect(core.handle(.wake, at: at(150)) == [.announce])
        #expect(core.handle(.wake, at: at(999)) == [])
        #expect(core.handle(.wake, at: at(1000)) == [.announce])
        #expect(core.wakeAt == at(2000))
        #expect(core.handle(.wake, at: at(2000)) == [.look])
    }

    @Test func anAddressThatCouldNotBeAddedIsNeverAnnounced() {
        var core = core()
        #expect(core.handle(.promoted, at: at(0)) == [.add, .tell(.taken)])
        #expect(core.handle(.failed("EPERM"), at: at(0)) == [.tell(.trouble("EPERM"))])
        #expect(core.handle(.wake, at: at(1000)) == [])
        #expect(core.handle(.wake, at: at(2000)) == [.look])
        // Tried again, told once.
        #expect(core.handle(.found(isPresent: false), at: at(2000)) == [.add])
        #expect(core.handle(.failed("EPERM"), at: at(2000)) == [])
        #expect(core.handle(.found(isPresent: true), at: at(4000)) == [.announce, .look])
        #expect(core.trouble == nil)
    }

    @Test func leftoversOfACrashGoAtTheStart() {
        var core = core()
        #expect(
            core.handle(.start(isPresent: true, isInherited: false), at: at(0)) == [
                .remove, .tell(.leftover),
            ])
        #expect(core.handle(.found(isPresent: false), at: at(0)) == [])
        #expect(core.wakeAt == nil)
    }

    @Test func aRemovalThatFailsIsTriedAgainUntilTheAddressIsGone() {
        for inherits in [false, true] {
            var core = inherits ? leading() : self.core()
            if inherits {
                _ = core.handle(.demoted, at: at(0))
            } else {
                _ = core.handle(.start(isPresent: true, isInherited: false), at: at(0))
            }
            #expect(core.handle(.failed("EBUSY"), at: at(0)) == [.tell(.trouble("EBUSY"))])
            #expect(core.isHeld)
            #expect(core.wakeAt == at(1000))
            #expect(core.handle(.wake, at: at(999)) == [])
            #expect(core.handle(.wake, at: at(1000)) == [.remove])
            #expect(core.handle(.failed("EBUSY"), at: at(1000)) == [])
            #expect(core.handle(.wake, at: at(2000)) == [.remove])
            #expect(core.trouble == "EBUSY")
            #expect(core.handle(.found(isPresent: false), at: at(2000)) == [])
            #expect(core.trouble == nil)
            #expect(core.wakeAt == nil)
            #expect(core.handle(.wake, at: at(3000)) == [])
        }
        // Who leads again has it, and removes nothing.
        var core = leading()
        _ = core.handle(.demoted, at: at(0))
        _ = core.handle(.failed("EBUSY"), at: at(0))
        #expect(core.handle(.promoted, at: at(500)).first == .add)
        #expect(core.handle(.found(isPresent: true), at: at(500)) == [])
        #expect(!core.handle(.wake, at: at(1000)).contains(.remove))
        // And who ends tries once more.
        core = leading()
        _ = core.handle(.demoted, at: at(0))
        _ = core.handle(.failed("EBUSY"), at: at(0))
        #expect(core.handle(.end(keeps: false), at: at(10)) == [.remove])
    }

    @Test func whatAPredecessorLeftStaysUntilTheElectionSpeaks() {
        var core = core()
        #expect(core.handle(.start(isPresent: true, isInherited: true), at: at(0)) == [])
        var other = core
        #expect(core.handle(.promoted, at: at(20)) == [.add, .announce])
        #expect(other.handle(.demoted, at: at(20)) == [.remove, .tell(.givenUp("another leads"))])
    }

    @Test func aDemotionRemovesItAtOnceOrAfterTheDrain() {
        var core = leading()
        #expect(core.handle(.demoted, at: at(0)) == [.remove, .tell(.givenUp("another leads"))])
        core = leading(drain: 500)
        #expect(core.handle(.demoted, at: at(0)) == [])
        #expect(core.wakeAt == at(500))
        #expect(core.handle(.wake, at: at(499)) == [])
        #expect(core.handle(.wake, at: at(500)) == [.remove, .tell(.givenUp("another leads"))])
        core = leading(drain: 500)
        _ = core.handle(.demoted, at: at(0))
        let given = VIPCore.Message.givenUp("the station m announces it")
        #expect(core.handle(.claimed(by: "m"), at: at(10)) == [.remove, .tell(given)])
    }

    @Test func inLimboItStaysUntilAnotherAnnouncesIt() {
        var core = leading()
        #expect(core.handle(.limbo, at: at(0)) == [])
        #expect(core.handle(.wake, at: at(9000)) == [])
        let given = VIPCore.Message.givenUp("the station m announces it")
        #expect(core.handle(.claimed(by: "m"), at: at(9100)) == [.remove, .tell(given)])
        // And it is not put back by anything but a promotion.
        #expect(core.handle(.found(isPresent: false), at: at(9200)) == [])
        #expect(core.handle(.link(isUp: false), at: at(9300)) == [])
        #expect(core.handle(.link(isUp: true), at: at(9400)) == [])
        #expect(core.handle(.promoted, at: at(9500)) == [.add, .tell(.taken)])
    }

    @Test func inLimboItGoesWhenAnotherLeadsOrAfterItsTime() {
        var core = leading()
        _ = core.handle(.limbo, at: at(0))
        #expect(core.handle(.demoted, at: at(50)) == [.remove, .tell(.givenUp("another leads"))])
        core = leading()
        _ = core.handle(.limbo, at: at(0))
        #expect(core.wakeAt == at(10_000))
        #expect(
            core.handle(.wake, at: at(10_000)) == [.remove, .tell(.givenUp("limbo has lasted too long"))])
    }

    @Test func aLeaderThatComesBackFromLimboKeepsItAndAnnouncesIt() {
        var core = leading()
        _ = core.handle(.limbo, at: at(0))
        #expect(core.handle(.promoted, at: at(700)) == [.add, .announce])
    }

    @Test func aCableThatComesBackLooksBeforeItDefends() {
        var core = leading()
        #expect(core.handle(.link(isUp: false), at: at(0)) == [])
        #expect(core.handle(.link(isUp: true), at: at(300)) == [.probe])
        #expect(core.handle(.wake, at: at(549)) == [])
        #expect(core.handle(.wake, at: at(550)) == [.announce])
        // In limbo it only looks.
        core = leading()
        _ = core.handle(.limbo, at: at(0))
        _ = core.handle(.link(isUp: false), at: at(100))
        #expect(core.handle(.link(isUp: true), at: at(300)) == [.probe])
        #expect(core.handle(.wake, at: at(550)) == [])
        #expect(core.handle(.wake, at: at(5000)) == [])
        // And gives way when somebody answers.
        let given = VIPCore.Message.givenUp("the station m announces it")
        #expect(core.handle(.claimed(by: "m"), at: at(5001)) == [.remove, .tell(given)])
    }

    @Test func aLeaderDefendsOnceASecondAndTellsOnceAMinute() {
        var core = leading()
        #expect(core.handle(.claimed(by: "m"), at: at(0)) == [.tell(.conflict("m")), .announce])
        #expect(core.handle(.claimed(by: "m"), at: at(500)) == [])
        #expect(core.handle(.claimed(by: "m"), at: at(1000)) == [.announce])
        #expect(core.handle(.claimed(by: "m"), at: at(1001)) == [])
        // A claim that answers its probe is answered later, if this host leads still.
        _ = core.handle(.link(isUp: false), at: at(1010))
        _ = core.handle(.link(isUp: true), at: at(1020))
        #expect(core.handle(.claimed(by: "m"), at: at(1030)) == [])
        #expect(core.handle(.wake, at: at(1280)) == [])
        #expect(core.handle(.wake, at: at(2030)) == [.announce, .look])
    }

    @Test func anAddressThatSomebodyRemovedIsPutBackByALeaderOnly() {
        var core = leading()
        #expect(core.handle(.found(isPresent: false), at: at(0)) == [.tell(.vanished), .add])
        #expect(core.handle(.found(isPresent: true), at: at(0)) == [.announce])
        core = leading()
        _ = core.handle(.limbo, at: at(0))
        #expect(core.handle(.found(isPresent: false), at: at(0)) == [])
    }

    @Test func theEndRemovesItUnlessASuccessorKeepsIt() {
        var core = leading()
        #expect(core.handle(.end(keeps: false), at: at(0)) == [.remove])
        core = leading()
        #expect(core.handle(.end(keeps: true), at: at(0)) == [])
        core = self.core()
        #expect(core.handle(.end(keeps: false), at: at(0)) == [])
    }

    /// Whatever comes in whatever order: nobody but a leader announces or adds, and nothing is announced that the
    /// interface does not have.
    @Test func onlyALeaderSpeaks() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            var core = core(drain: Bool.random() ? 0 : 300, limbo: 2000)
            var now = start
            var leads = false
            for _ in 0..<200 {
                now = now.advanced(milliseconds: .random(in: 0...400, using: &generator))
                let events: [VIPCore.Event] = [
                    .promoted, .limbo, .demoted, .claimed(by: "m"), .link(isUp: .random()), .wake,
                    .failed("x"),
                    .found(isPresent: .random()), .wake, .wake,
                ]
                let event = events[.random(in: 0..<events.count, using: &generator)]
                switch event {
                case .promoted: leads = true
                case .limbo, .demoted: leads = false
                case .start, .found, .failed, .claimed, .link, .wake, .end: break
                }
                for action in core.handle(event, at: now) where action == .announce || action == .add {
                    #expect(leads, "\(action) after \(event)")
                    if action == .announce { #expect(core.isHeld) }
                }
                if let wake = core.wakeAt { #expect(wake > now, "a wake in the past after \(event)") }
            }
        }
    }
}
