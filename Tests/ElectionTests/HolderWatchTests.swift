import Election
import Linux
import Testing

/// What proves that a leader is gone, and what does not.
@Suite struct HolderWatchTests {
    private let lease: Lease
    private let door: SocketAddress

    init() throws {
        lease = try #require(Lease(host: "b", nonce: "n", epoch: 9))
        door = try SocketAddress("10.0.0.2:7118")
    }

    private func at(_ milliseconds: Int64) -> Instant {
        Instant(nanoseconds: 7_000_000_000).advanced(milliseconds: milliseconds)
    }

    private var greeting: String { "troop 1 \(lease.token)" }

    /// A watch that has heard the token at 1.
    private func watching() -> HolderWatch {
        var watch = HolderWatch()
        #expect(watch.handle(.follow(lease, at: door), at: at(0)) == [.connect(door)])
        #expect(watch.handle(.stated(greeting), at: at(1)) == [])
        #expect(watch.isWatching)
        #expect(watch.wakeAt == nil)
        return watch
    }

    @Test func anOrderlyEndAndARefusalAreAProof() {
        var watch = watching()
        #expect(watch.handle(.ended, at: at(500)) == [.connect(door)])
        #expect(watch.handle(.refused, at: at(501)) == [.close, .proven(lease)])
        #expect(watch.wakeAt == nil)
        #expect(watch.handle(.wake, at: at(9999)) == [])
    }

    @Test(arguments: ["troop 1 b:other:9", "troop 1 b:n:10", "troop 1 c:x:11"])
    func anOrderlyEndAndAnotherTokenAreAProof(_ line: String) {
        var watch = watching()
        _ = watch.handle(.ended, at: at(500))
        #expect(watch.handle(.stated(line), at: at(501)) == [.close, .proven(lease)])
    }

    @Test func aDoorThatStatesTheSameTokenAgainIsAlive() {
        var watch = watching()
        _ = watch.handle(.ended, at: at(500))
        #expect(watch.handle(.stated(greeting), at: at(501)) == [])
        #expect(watch.isWatching)
    }

    @Test(arguments: ["troop 1 -", "", "HTTP/1.1 400 Bad Request", "troop 2 b:x:9", "troop 1 b:x:9 y"])
    func aDoorThatStatesNothingProvesNothing(_ line: String) {
        var watch = watching()
        _ = watch.handle(.ended, at: at(500))
        #expect(watch.handle(.stated(line), at: at(501)) == [.close])
        #expect(!watch.isWatching)
    }

    @Test func aRefusalWithoutAnOrderlyEndProvesNothing() {
        var watch = HolderWatch()
        _ = watch.handle(.follow(lease, at: door), at: at(0))
        #expect(watch.handle(.refused, at: at(1)) == [.close])
        // A new leader's door may open in a moment: the first pauses are short.
        #expect(watch.wakeAt == at(51))
        #expect(watch.handle(.wake, at: at(51)) == [.connect(door)])
        _ = watch.handle(.refused, at: at(52))
        #expect(watch.wakeAt == at(152))
    }

    @Test func aFullDoorIsLeftAloneForLonger() {
        var watch = HolderWatch()
        _ = watch.handle(.follow(lease, at: door), at: at(0))
        #expect(watch.handle(.stated("troop 1 -"), at: at(1)) == [.close])
        #expect(watch.wakeAt == at(1 + HolderWatch.fullMilliseconds))
    }

    @Test func aResetProvesNothing() {
        var watch = watching()
        #expect(watch.handle(.broken, at: at(500)) == [.close])
        #expect(watch.handle(.refused, at: at(501)) == [])
    }

    @Test func anotherTokenAtTheFirstCallProvesNothing() {
        var watch = HolderWatch()
        _ = watch.handle(.follow(lease, at: door), at: at(0))
        #expect(watch.handle(.stated("troop 1 c:x:10"), at: at(1)) == [.close])
    }

    @Test func aProbeLastsAShortWhile() {
        var watch = watching()
        _ = watch.handle(.ended, at: at(500))
        // Accepted and closed again without a word: perhaps on its way out, so look once more.
        #expect(watch.handle(.ended, at: at(501)) == [.close])
        #expect(watch.handle(.wake, at: at(502)) == [])
        #expect(watch.handle(.wake, at: at(503)) == [.connect(door)])
        #expect(watch.handle(.wake, at: at(500 + HolderWatch.probeMilliseconds)) == [.close])
        #expect(watch.handle(.refused, at: at(501 + HolderWatch.probeMilliseconds)) == [])
    }

    /// A process that dies closes its connections and its listener one after the other.
    @Test func aConnectionThatWaitedAtADyingListenerIsNotTheLastLook() {
        var watch = watching()
        #expect(watch.handle(.ended, at: at(500)) == [.connect(door)])
        #expect(watch.handle(.broken, at: at(520)) == [.close])
        #expect(watch.handle(.wake, at: at(522)) == [.connect(door)])
        #expect(watch.handle(.refused, at: at(523)) == [.close, .proven(lease)])
    }

    @Test func aDoorThatResetsEachLookProvesNothing() {
        var watch = watching()
        _ = watch.handle(.ended, at: at(500))
        #expect(watch.handle(.broken, at: at(499 + HolderWatch.probeMilliseconds)) == [.close])
        #expect(watch.handle(.wake, at: at(501 + HolderWatch.probeMilliseconds)) == [.close])
        #expect(watch.handle(.refused, at: at(502 + HolderWatch.probeMilliseconds)) == [])
    }

    @Test func aNewLeaderIsWatchedInstead() throws {
        var watch = watching()
        let next = try #require(Lease(host: "c", nonce: "m", epoch: 10))
        let other = try SocketAddress("10.0.0.3:7118")
        #expect(watch.handle(.follow(lease, at: door), at: at(2)) == [])
        #expect(watch.handle(.follow(next, at: other), at: at(3)) == [.connect(other)])
        #expect(watch.handle(.rest, at: at(4)) == [.close])
        #expect(watch.handle(.ended, at: at(5)) == [])
    }

    @Test func aLeaderWithoutAKnownDoorIsNotWatched() {
        var watch = HolderWatch()
        #expect(watch.handle(.follow(lease, at: nil), at: at(0)) == [])
        #expect(watch.wakeAt == nil)
        #expect(watch.handle(.follow(lease, at: door), at: at(1)) == [.connect(door)])
    }

    @Test func aCallThatIsNotAnsweredEnds() {
        var watch = HolderWatch()
        _ = watch.handle(.follow(lease, at: door), at: at(0))
        #expect(watch.handle(.wake, at: at(HolderWatch.callMilliseconds)) == [.close])
    }
}
