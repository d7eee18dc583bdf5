import Linux
import Testing

@testable import Peer

/// What speaks against forgetting a host.
@Suite struct ForgettingTests {
    private let now = Instant(nanoseconds: 3_600_000_000_000)

    private func objection(
        silentMilliseconds silent: Int64, interval: Int64 = 1000, server: String? = nil,
        readMilliseconds read: Int64? = 600_000
    ) throws -> String? {
        var report = HostReport(fields: [:])
        report.intervalMilliseconds = interval
        let page = HostBook.Page(report: report, seq: "7", movedAt: now.advanced(milliseconds: -silent))
        return RemediationDesk.objection(
            toForgetting: "web-3", page, try server.map { [try SocketAddress($0)] } ?? [],
            readSince: read.map { now.advanced(milliseconds: -$0) }, at: now)
    }

    @Test func oneThatReportedLatelyLives() throws {
        #expect(try objection(silentMilliseconds: 3000)?.contains("reported 3 s ago") == true)
        #expect(try objection(silentMilliseconds: 10_000)?.contains("stop its agent") == true)
        #expect(try objection(silentMilliseconds: 10_001) == nil)
        // In a large troop hosts report seldom.
        #expect(try objection(silentMilliseconds: 60_000, interval: 30_000) != nil)
    }

    @Test func aSilenceOfRedisIsNotTheHosts() throws {
        #expect(try objection(silentMilliseconds: 60_000, readMilliseconds: nil)?.contains("Redis") == true)
        let young = try objection(silentMilliseconds: 60_000, readMilliseconds: 9000)
        #expect(
            young?.contains("for 9 s only") == true && young?.contains("in 10 s") == true, "\(young ?? "")")
        #expect(try objection(silentMilliseconds: 60_000, readMilliseconds: 11_000) == nil)
    }

    @Test func itsServerGoesFirst() throws {
        let why = try objection(silentMilliseconds: 60_000, server: "10.0.0.9:3000")
        #expect(why?.contains("'troop servers remove 10.0.0.9:3000'") == true)
    }
}
