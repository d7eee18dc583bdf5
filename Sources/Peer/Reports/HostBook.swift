package import Linux

/// Every host's latest report with its age, judged by this reader's own monotonic clock.
///
/// A report's age runs from the moment its `seq` was last seen to move, never from a timestamp: Redis's clock
/// and the hosts' may step. Only where this reader did not look for a while, or sees a host for the first time,
/// is the age taken from Redis's clock, for want of better, and never for more than the time not looked.
package struct HostBook: Sendable {
    /// One host as last read.
    package struct Page: Equatable, Sendable {
        /// The latest report; nil when only the name is left.
        package var report: HostReport?
        /// The report's sequence number.
        package var seq: String
        /// When `seq` was last seen to move, by this host's clock.
        package var movedAt: Instant
    }

    /// One host of a reading of the store.
    package struct Line: Equatable, Sendable {
        package var name: String
        /// The hash's fields, empty when it has expired; nil when it is known to be as it was at the reading before.
        package var fields: [String: String]?
        /// Milliseconds since the report by Redis's clock.
        package var ageByStore: Int64

        /// A line from its parts.
        package init(name: String, fields: [String: String]?, ageByStore: Int64) {
            self.name = name
            self.fields = fields
            self.ageByStore = ageByStore
        }
    }

    /// The hosts by name.
    package private(set) var pages: [String: Page] = [:]

    private var takenAt: Instant?

    /// A reader that looks at least this often sees `seq` move, in milliseconds.
    private static let watchingMilliseconds: Int64 = 2000
    /// No age is taken for more than a year, in milliseconds: what says so lies, and is as old as can be.
    private static let ageMillisecondsMax: Int64 = 365 * 24 * 3_600_000

    /// An empty book.
    package init() {}

    /// Takes in a reading of all hosts; hosts that are not in it are forgotten.
    package mutating func take(_ lines: [Line], at now: Instant) {
        let gap = takenAt.map { now.milliseconds(since: $0) }
        takenAt = now
        var next: [String: Page] = [:]
        next.reserveCapacity(lines.count)
        for line in lines {
            guard let fields = line.fields else {
                next[line.name] = pages[line.name]
                continue
            }
            let seq = fields["seq"] ?? ""
            let report = fields.isEmpty ? nil : HostReport(fields: fields)
            if let page = pages[line.name], page.seq == seq || seq.isEmpty {
                next[line.name] = Page(report: report ?? page.report, seq: page.seq, movedAt: page.movedAt)
            } else {
                let age = age(of: line, unseenMilliseconds: pages[line.name] == nil ? .max : gap ?? .max)
                next[line.name] = Page(report: report, seq: seq, movedAt: now.advanced(milliseconds: -age))
            }
        }
        pages = next
    }

    /// How old a report is whose `seq` moved while this reader did not look for `unseenMilliseconds`.
    private func age(of line: Line, unseenMilliseconds: Int64) -> Int64 {
        if unseenMilliseconds <= HostBook.watchingMilliseconds { return 0 }
        return min(max(0, line.ageByStore), unseenMilliseconds, HostBook.ageMillisecondsMax)
    }

    /// The highest epoch that any host has heard of; nil when none tells one.
    package var highestEpoch: Int64? { pages.values.compactMap { $0.report?.epoch }.max() }

    /// Milliseconds since the host's report last moved; nil for a host that is not in the book.
    package func age(of name: String, at now: Instant) -> Int64? {
        pages[name].map { max(0, now.milliseconds(since: $0.movedAt)) }
    }

    /// How alive a host looks.
    package enum Liveness: String, Sendable, Codable {
        /// Its reports come in time.
        case up
        /// Some reports are missing.
        case late
        /// Silent for so long that nobody should count on it.
        case lost
    }

    /// How alive a host looks from its report's age, in units of its own reporting interval.
    package static func liveness(ageMilliseconds: Int64, intervalMilliseconds: Int64) -> Liveness {
        if ageMilliseconds <= 3 * intervalMilliseconds { return .up }
        return ageMilliseconds <= 10 * intervalMilliseconds ? .late : .lost
    }
}
