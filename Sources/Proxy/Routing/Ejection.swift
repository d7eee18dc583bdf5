import Linux

/// Whether one server fails its clients so often that it is left out for a while.
///
/// A value: counts and the time in, a verdict out. How many servers may be out at once is not its concern.
struct Ejection: Equatable {
    /// What happened at a server since the last look.
    struct Sample: Equatable {
        var answered = 0
        var failed = 0
        /// Failures since the last answer, at the worker that has most of them; of workers that had any news.
        var streak = 0
    }

    private static let slices = 10
    /// Failures in a row that lie further apart than this are no row, in seconds: answers of which clients never wait for
    /// the end break none.
    private static let rowSeconds: Int32 = 300
    private static let sliceNanoseconds: Int64 = 1_000_000_000

    private struct Slice: Equatable {
        // Small: there is one for each second and server.
        var second: Int32 = -1
        var answered: UInt32 = 0
        var failed: UInt32 = 0
    }

    private var window = InlineArray<10, Slice>(repeating: Slice())
    private var streak = 0
    private var failedSecond: Int32 = 0
    /// The end of the ejection under way.
    private(set) var until: Instant?
    /// How often the server was ejected lately: what its next ejection's length is counted by.
    private(set) var times = 0
    private var settledAt: Instant?

    static func == (left: Ejection, right: Ejection) -> Bool {
        left.until == right.until && left.times == right.times && left.streak == right.streak
            && left.settledAt == right.settledAt
            && (0..<slices).allSatisfy { left.window[$0] == right.window[$0] }
    }

    /// Takes a look's counts in; true when the server deserves to be ejected.
    mutating func note(_ sample: Sample, _ settings: EjectionSettings, at now: Instant) -> Bool {
        guard sample.answered > 0 || sample.failed > 0 else { return false }
        let second = Int32(truncatingIfNeeded: now.nanoseconds / Ejection.sliceNanoseconds)
        let index = Int(second) % Ejection.slices
        if window[index].second != second { window[index] = Slice(second: second) }
        window[index].answered &+= UInt32(clamping: sample.answered)
        window[index].failed &+= UInt32(clamping: sample.failed)
        let isRow = second - failedSecond <= Ejection.rowSeconds
        streak = sample.answered == 0 ? (isRow ? streak : 0) + sample.failed : sample.streak
        if sample.failed > 0 { failedSecond = second }
        guard until == nil else { return false }
        if settings.failures > 0, streak >= settings.failures { return true }
        return settings.errorPercent > 0 && failsOften(settings, second)
    }

    private func failsOften(_ settings: EjectionSettings, _ second: Int32) -> Bool {
        let slices = Int32(Ejection.slices)
        var answered = 0
        var failed = 0
        for index in 0..<Ejection.slices
        where window[index].second >= 0 && second - window[index].second < slices {
            answered += Int(window[index].answered)
            failed += Int(window[index].failed)
        }
        let all = answered + failed
        return all >= settings.requestsMin && failed * 100 >= all * settings.errorPercent
    }

    /// Ejects the server; each time for longer.
    mutating func eject(_ settings: EjectionSettings, at now: Instant) {
        // No more than the longest takes, or a bad day would be held against it for hours.
        if settings.milliseconds * Int64(times) < settings.millisecondsMax { times += 1 }
        let length = min(settings.milliseconds * Int64(times), settings.millisecondsMax)
        until = now.advanced(milliseconds: length)
        settledAt = nil
        streak = 0
        window = InlineArray(repeating: Slice())
    }

    /// Ends an ejection whose time is over, and forgets one of the past for each ejection's length of good
    /// conduct; true when the server is back.
    mutating func settle(_ settings: EjectionSettings, at now: Instant) -> Bool {
        if let end = until {
            guard end <= now else { return false }
            until = nil
            settledAt = now
            // What was under way when it was ejected is not held against it.
            streak = 0
            window = InlineArray(repeating: Slice())
            return true
        }
        if times > 0, let since = settledAt, now.milliseconds(since: since) >= settings.milliseconds {
            times -= 1
            settledAt = times > 0 ? now : nil
        }
        return false
    }

    /// Has an ejection end at the next look.
    mutating func cutShort() {
        if until != nil { until = Instant(nanoseconds: 0) }
    }
}
