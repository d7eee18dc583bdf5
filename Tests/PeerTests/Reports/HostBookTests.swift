import Linux
import Peer
import Store
import Testing

@Suite struct HostBookTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)

    private func line(_ seq: String, ageByStore: Int64 = 0) -> HostBook.Line {
        HostBook.Line(name: "a", fields: ["seq": seq, "cpu": "0.5"], ageByStore: ageByStore)
    }

    @Test func ageRunsFromTheLastMoveOfSeq() {
        var book = HostBook()
        book.take([line("1")], at: start)
        book.take([line("1")], at: start.advanced(milliseconds: 2500))
        #expect(book.age(of: "a", at: start.advanced(milliseconds: 3000)) == 3000)
        book.take([line("2")], at: start.advanced(milliseconds: 4000))
        #expect(book.age(of: "a", at: start.advanced(milliseconds: 4100)) == 100)
    }

    @Test func aSteppedRedisClockDoesNotAgeAKnownHost() {
        var book = HostBook()
        book.take([line("1")], at: start)
        book.take([line("2", ageByStore: 3_600_000)], at: start.advanced(milliseconds: 1000))
        #expect(book.age(of: "a", at: start.advanced(milliseconds: 1000)) == 0)
    }

    @Test func aHostSeenFirstIsAgedByTheStore() {
        var book = HostBook()
        book.take([line("1", ageByStore: 7000)], at: start)
        #expect(book.age(of: "a", at: start) == 7000)
    }

    @Test func aReaderThatDidNotLookTakesTheStoresWordWithinReason() {
        var book = HostBook()
        book.take([line("1")], at: start)
        let later = start.advanced(milliseconds: 10_000)
        book.take([line("2", ageByStore: 4000)], at: later)
        #expect(book.age(of: "a", at: later) == 4000)
        let latest = later.advanced(milliseconds: 10_000)
        book.take([line("3", ageByStore: 3_600_000)], at: latest)
        #expect(book.age(of: "a", at: latest) == 10_000)
    }

    /// Ages that Redis's times may claim, and what is made of them, in milliseconds.
    private static let claims: [(Int64, Int64)] = [
        (.min, 0), (-3_600_000, 0), (3_600_000, 3_600_000), (900_000_000_000_000, 31_536_000_000),
        (.max, 31_536_000_000),
    ]

    /// Whatever a report's time claims, it makes a silent host neither young for long nor a crash.
    @Test(arguments: HostBookTests.claims)
    func reportsThatLieAboutTimeAreAgedByOwnClock(claimed: Int64, age: Int64) {
        var book = HostBook()
        book.take([line("1", ageByStore: claimed)], at: start)
        #expect(book.age(of: "a", at: start) == age)
        // The same report, said to be of this very moment, again and again: it only gets older.
        for second in 1...20 {
            let now = start.advanced(milliseconds: Int64(second) * 1000)
            book.take([line("1", ageByStore: 0)], at: now)
            #expect(book.age(of: "a", at: now) == age + Int64(second) * 1000)
        }
        // A new one, said to be an hour old or of tomorrow: it has come now.
        for (seq, claim) in [("2", Int64(3_600_000)), ("3", -86_400_000)] {
            let now = start.advanced(milliseconds: seq == "2" ? 21_000 : 22_000)
            book.take([line(seq, ageByStore: claim)], at: now)
            #expect(book.age(of: "a", at: now) == 0)
        }
    }

    @Test func anExpiredReportIsRememberedAsLastSeen() {
        var book = HostBook()
        book.take([line("1")], at: start)
        book.take(
            [HostBook.Line(name: "a", fields: [:], ageByStore: 0)], at: start.advanced(milliseconds: 9000))
        #expect(book.pages["a"]?.report?.cpu == 0.5)
        #expect(book.age(of: "a", at: start.advanced(milliseconds: 9000)) == 9000)
    }

    @Test func aHostThatLeftIsForgotten() {
        var book = HostBook()
        book.take([line("1")], at: start)
        book.take([], at: start)
        #expect(book.pages.isEmpty)
    }

    @Test(
        arguments: [(3000, .up), (3001, .late), (10_000, .late), (10_001, .lost)]
            as [(Int64, HostBook.Liveness)])
    func livenessCountsMissedReports(_ age: Int64, _ expected: HostBook.Liveness) {
        #expect(HostBook.liveness(ageMilliseconds: age, intervalMilliseconds: 1000) == expected)
    }
}

@Suite struct HostReportTests {
    @Test func aReportSurvivesItsOwnFields() {
        var report = HostReport(fields: [:])
        report.address = "10.0.0.1"
        report.bootID = "b-1"
        report.agentVersion = "0.1.0"
        report.role = .leader
        report.server = "10.0.0.1:80"
        report.cpu = 0.1234
        report.cores = 8
        report.memoryTotal = 16_000_000_000
        report.load15 = 3.25
        report.pressureIOFull = 1.5
        var words = CommandWords()
        report.write(to: &words)
        let flat = words.texts
        var fields: [String: String] = [:]
        for index in stride(from: 0, to: flat.count, by: 2) { fields[flat[index]] = flat[index + 1] }
        #expect(HostReport(fields: fields) == report)
        #expect(fields["steal"] == nil, "an unknown number has no field")
        #expect(fields["cpu"] == "0.1234")
        #expect(fields["load15"] == "3.25")
    }

    @Test(arguments: [
        ("cpu", "1.5"), ("cpu", "-0.1"), ("cpu", "nan"), ("cpu", "inf"), ("cpu", "much"),
        ("cpu", "0x1p-1000000"),
        ("cores", "-1"), ("load1", "1e300"), ("memory_total", "-5"), ("interval_ms", "0"),
    ])
    func nonsenseCountsAsUnknown(_ field: String, _ value: String) {
        let empty = HostReport(fields: [:])
        let report = HostReport(fields: [field: value])
        #expect(report == empty || (field == "cpu" && report.cpu == 0))
    }
}
