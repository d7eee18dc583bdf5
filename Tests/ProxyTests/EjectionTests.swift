import Linux
import Testing

@testable import Proxy

/// Transcripts: counts and the time in, verdicts out.
@Suite struct EjectionTests {
    private let settings = EjectionSettings()

    private func at(_ milliseconds: Int64) -> Instant {
        Instant(nanoseconds: (1_000_000 + milliseconds) * 1_000_000)
    }

    private func sample(_ answered: Int, _ failed: Int, _ streak: Int = 0) -> Ejection.Sample {
        Ejection.Sample(answered: answered, failed: failed, streak: streak)
    }

    private func note(
        _ ejection: inout Ejection, _ sample: Ejection.Sample, _ now: Instant,
        _ settings: EjectionSettings = EjectionSettings()
    ) -> Bool { ejection.note(sample, settings, at: now) }

    private func settle(_ ejection: inout Ejection, _ now: Instant) -> Bool {
        ejection.settle(settings, at: now)
    }

    @Test func fiveFailuresInARowEject() {
        var ejection = Ejection()
        #expect(!note(&ejection, sample(0, 3, 3), at(0)))
        #expect(!note(&ejection, sample(0, 0), at(200)))
        #expect(!note(&ejection, sample(0, 1, 4), at(400)))
        #expect(note(&ejection, sample(0, 1, 5), at(600)))
    }

    @Test func anAnswerBreaksTheRow() {
        var ejection = Ejection()
        #expect(!note(&ejection, sample(0, 4, 4), at(0)))
        #expect(!note(&ejection, sample(1, 1, 1), at(200)))
        #expect(!note(&ejection, sample(0, 3, 4), at(400)))
        #expect(note(&ejection, sample(0, 1, 5), at(600)))
    }

    @Test func halfOfTwentyFailedWithinTenSecondsEjects() {
        var ejection = Ejection()
        for second in 0..<9 {
            #expect(!note(&ejection, sample(1, 1, 1), at(Int64(second) * 1000)))
        }
        #expect(note(&ejection, sample(1, 1, 1), at(9_000)))
    }

    @Test func whatIsOlderThanTenSecondsDoesNotCount() {
        var ejection = Ejection()
        #expect(!note(&ejection, sample(5, 14, 1), at(0)))
        #expect(!note(&ejection, sample(0, 1, 1), at(11_000)))
    }

    @Test func fewerFailuresThanHalfAreEndured() {
        var ejection = Ejection()
        for second in 0..<30 {
            #expect(!note(&ejection, sample(100, 99, 2), at(Int64(second) * 1000)))
        }
    }

    @Test func eachEjectionTakesLongerUntilGoodConduct() {
        var ejection = Ejection()
        var now: Int64 = 0
        for times in 1...12 {
            ejection.eject(settings, at: at(now))
            let length = min(30_000 * Int64(times), 300_000)
            #expect(ejection.until == at(now + length))
            #expect(!settle(&ejection, at(now + length - 1)))
            // What fails meanwhile does not count.
            #expect(!note(&ejection, sample(0, 50, 50), at(now + 1)))
            #expect(settle(&ejection, at(now + length)))
            #expect(ejection.until == nil && ejection.times == min(times, 10))
            now += length
        }
        // What is beyond the longest is not counted.
        for left in stride(from: 9, through: 0, by: -1) {
            #expect(!settle(&ejection, at(now + 29_999)))
            #expect(ejection.times == left + 1)
            now += 30_000
            #expect(!settle(&ejection, at(now)))
            #expect(ejection.times == left)
        }
        #expect(!settle(&ejection, at(now + 1_000_000)))
    }

    @Test func failuresFarApartAreNoRow() {
        var ejection = Ejection()
        for time in 0..<20 { #expect(!note(&ejection, sample(0, 1, 1), at(Int64(time) * 301_000))) }
        for time in 0..<4 { _ = note(&ejection, sample(0, 1, 1), at(7_000_000 + Int64(time) * 200_000)) }
        #expect(note(&ejection, sample(0, 1, 1), at(7_900_000)))
    }

    @Test func anEjectionCanBeCutShort() {
        var ejection = Ejection()
        ejection.cutShort()
        #expect(ejection.until == nil)
        ejection.eject(settings, at: at(1000))
        ejection.cutShort()
        #expect(settle(&ejection, at(1200)))
        #expect(ejection.until == nil && ejection.times == 1)
    }

    @Test func bothRulesCanBeSwitchedOff() {
        var off = settings
        off.failures = 0
        off.errorPercent = 0
        var ejection = Ejection()
        #expect(!note(&ejection, sample(0, 1_000, 1_000), at(0), off))
    }

    @Test func anOldRunOfAnotherWorkerIsNotTakenForNews() {
        let seen = Standing.Seen(answered: 10, failed: 4)
        let outcomes = Outcomes(answered: 12, failed: 5, refused: 0, streak: 4)
        #expect(outcomes.since(seen) == sample(2, 1, 1))
    }
}
