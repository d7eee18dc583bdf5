import Election
import Fixtures
import Glibc
import Linux
import Synchronization
import Testing

@testable import Peer

@Suite struct WatchdogTests {
    private let start = Instant(nanoseconds: 1_000_000_000)
    private func at(_ milliseconds: Int64) -> Instant { start.advanced(milliseconds: milliseconds) }

    private func leader(until milliseconds: Int64) throws -> Standing {
        .leader(try #require(Lease(host: "a", nonce: "n", epoch: 3)), until: at(milliseconds))
    }

    @Test func aTurningElectorFeedsOftenEnoughAndNotMore() throws {
        var core = WatchdogCore(timeoutMilliseconds: 3000)
        #expect(core.everyMilliseconds == 1000)
        let leader = try leader(until: 60_000)
        let fed = (0..<40).map { core.isFed(by: leader, at: at(Int64($0) * 100)) }
        #expect(fed.indices.filter { fed[$0] } == [0, 10, 20, 30])
    }

    @Test func aLeaderPastItsDeadlineIsStuckAndFeedsNothing() throws {
        var core = WatchdogCore(timeoutMilliseconds: 3000)
        #expect(core.isFed(by: try leader(until: 500), at: at(500)) == false)
        #expect(core.isFed(by: try leader(until: 500), at: at(9000)) == false)
        // Once it knows that it is in limbo, it works as it should, with or without a store.
        #expect(core.isFed(by: .limbo(nil), at: at(9001)) == true)
        #expect(core.isFed(by: .candidate, at: at(10_001)) == true)
        #expect(core.isFed(by: .follower(leader: nil), at: at(11_001)) == true)
    }

    @Test func theServiceManagersWatchdogIsFedWhenTheEnvironmentAsksForIt() throws {
        func watchdog(_ variables: [String: String], _ told: Record<String>) -> Watchdog {
            Watchdog(nil, environment: { variables[$0] }, processID: 41) { told.add($0) }
        }
        let told = Record<String>()
        #expect(watchdog([:], told).pulse == nil)
        #expect(watchdog(["WATCHDOG_USEC": "x"], told).pulse == nil)
        #expect(watchdog(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "40"], told).pulse == nil)
        let pulse = try #require(watchdog(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "41"], told).pulse)
        #expect(pulse.everyMilliseconds == 1000)
        pulse.beat(.candidate, at(0))
        pulse.beat(.candidate, at(500))
        pulse.beat(.candidate, at(1000))
        #expect(told.all == ["WATCHDOG=1", "WATCHDOG=1"])
    }

    /// After an upgrade the new program feeds the service manager's watchdog: the old one's number is not left to it.
    @Test func aSuccessorFeedsTheWatchdogOfItsPredecessor() throws {
        let own = [
            "WATCHDOG_USEC=3000000", "WATCHDOG_PID=40", "NOTIFY_SOCKET=/run/x", "TROOP_HANDOVER=old",
            "A=WATCHDOG_PID=1",
        ]
        let left = SuccessorProcess.environment(own, note: "{}")
        #expect(left.contains("NOTIFY_SOCKET=/run/x") && left.contains("A=WATCHDOG_PID=1"))
        #expect(left.filter { $0.hasPrefix(HandoverNote.variable + "=") } == ["\(HandoverNote.variable)={}"])
        let variables = Dictionary(
            left.map { entry in
                let sides = entry.split(separator: "=", maxSplits: 1).map(String.init)
                return (sides[0], sides.count > 1 ? sides[1] : "")
            }
        ) { first, _ in first }
        let told = Record<String>()
        let watchdog = Watchdog(nil, environment: { variables[$0] }, processID: 41) { told.add($0) }
        try #require(watchdog.pulse).beat(.candidate, at(0))
        #expect(told.all == ["WATCHDOG=1"])
    }

    /// A plain file shows what the device would have been told.
    @Test func theDeviceIsFedAndClosedWithTheWordThatStopsIt() throws {
        let path = "/tmp/troop-watchdog-\(getpid()).\(UInt32.random(in: 0 ... .max))"
        try RedisServer.write("", to: path)
        defer { unlink(path) }
        let watchdog = Watchdog(
            WatchdogSettings(device: path, timeoutMilliseconds: 3000), environment: { _ in nil }
        ) { _ in }
        let pulse = try #require(watchdog.pulse)
        for milliseconds in [0, 200, 1000, 2000] as [Int64] { pulse.beat(.candidate, at(milliseconds)) }
        #expect(watchdog.fault?.contains("does not take 3 s") == true)  // a file has no such call
        watchdog.close()
        pulse.beat(.candidate, at(9000))
        #expect(try TextFile.read(path, bytesMax: 64).bytes.suffix(4) == [0, 0, 0, UInt8(ascii: "V")])
    }

    @Test func aDeviceThatIsNotThereIsToldAndTriedAgain() throws {
        let path = "/tmp/troop-watchdog-\(getpid()).\(UInt32.random(in: 0 ... .max))"
        let watchdog = Watchdog(
            WatchdogSettings(device: path, timeoutMilliseconds: 3000), environment: { _ in nil }
        ) { _ in }
        watchdog.pulse?.beat(.candidate, at(0))
        #expect(watchdog.fault?.contains("No such file") == true)
        try RedisServer.write("", to: path)
        defer { unlink(path) }
        watchdog.pulse?.beat(.candidate, at(1000))
        #expect(watchdog.fault?.contains("No such file") == false)
        watchdog.close()
    }
}
