package import Linux
package import Metrics
import Synchronization

/// The history of all hosts, in the memory of an agent that leads or may lead next.
package final class HistoryKeeper: MetricSource {
    private struct State {
        var book: HistoryBook
        /// When the noting began that goes on; nil while nothing is noted.
        var since: Instant?
        var notedAt: Instant?
        var filledFrom: String?
        var wantsFill = false
    }

    private let state: Mutex<State>
    private let budgetBytes: Int
    /// After so long without a noting the past is somebody else's to tell, in milliseconds.
    private static let gapMilliseconds: Int64 = 60_000

    /// A keeper with an empty book.
    package init(budgetBytes: Int) {
        self.budgetBytes = budgetBytes
        state = Mutex(State(book: HistoryBook(budgetBytes: budgetBytes)))
    }

    /// Seconds of the clock that the book counts in.
    private static func second(_ now: Instant) -> Int64 { now.nanoseconds / 1_000_000_000 }

    /// Notes every host whose report is fresh, with the latency of the servers on it; a server on no such host is noted
    /// under its address.
    package func note(
        _ book: HostBook, latencies: [(server: String, host: String, p50: Double?, p99: Double?)],
        at now: Instant
    ) {
        var points: [String: HistoryPoint] = [:]
        for (name, page) in book.pages {
            guard let report = page.report, let age = book.age(of: name, at: now),
                HostBook.liveness(
                    ageMilliseconds: age, intervalMilliseconds: report.intervalMilliseconds) == .up
            else { continue }
            points[name] = HistoryPoint(report)
        }
        for latency in latencies {
            let name = book.pages[latency.host] == nil ? latency.server : latency.host
            // Of several servers on one host the slowest counts.
            func slower(_ series: HistorySeries, _ value: Double?) {
                guard let value else { return }
                points[name, default: HistoryPoint()][series] = max(points[name]?[series] ?? 0, value)
            }
            slower(.latencyP50, latency.p50)
            slower(.latencyP99, latency.p99)
        }
        let named = points.map { (name: $0.key, point: $0.value) }.sorted { $0.name < $1.name }
        state.withLock { state in
            let gap = state.notedAt.map { now.milliseconds(since: $0) } ?? .max
            if gap > HistoryKeeper.gapMilliseconds {
                state.since = now
                state.wantsFill = true
            }
            state.notedAt = now
            state.book.note(named, at: HistoryKeeper.second(now))
        }
    }

    /// True once after each beginning: somebody else may know what was before.
    package func takesFill() -> Bool {
        state.withLock { state in
            defer { state.wantsFill = false }
            return state.wantsFill
        }
    }

    /// The hosts that are remembered.
    package var hosts: [String] { state.withLock { $0.book.hosts } }

    /// Takes in what another agent remembers of a host; the number of rows that brought anything.
    package func fill(_ name: String, with answer: HistoryAnswer, from peer: String, at now: Instant) -> Int {
        guard let columns = answer.columns(now: HistoryKeeper.second(now)) else { return 0 }
        return state.withLock { state in
            let rows = state.book.fill(name, with: columns)
            if rows > 0 { state.filledFrom = peer }
            return rows
        }
    }

    /// A host's history; nil when nothing is remembered of it.
    package func answer(
        _ name: String, _ query: HistoryQuery, at now: Instant, wallMilliseconds: Int64
    ) -> HistoryAnswer? {
        let second = HistoryKeeper.second(now)
        let (columns, resolution, since, filledFrom) = state.withLock { state in
            (
                state.book.columns(
                    of: name, from: second - query.ageSeconds, step: query.stepSeconds, series: query.series,
                    now: second), state.book.resolution, state.since, state.filledFrom
            )
        }
        guard let columns else { return nil }
        let age = since.map { now.milliseconds(since: $0) } ?? 0
        return HistoryAnswer(
            host: name, nowMs: wallMilliseconds,
            fromMs: wallMilliseconds - (second - columns.start) * 1000, stepMs: columns.step * 1000,
            fineStepMs: resolution.fineStep * 1000, coarseStepMs: resolution.coarseStep * 1000,
            sinceMs: wallMilliseconds - age, filledFrom: filledFrom,
            series: Dictionary(
                uniqueKeysWithValues: columns.values.map { series, values in
                    (series.rawValue, values.map { $0.map(HistoryKeeper.short) })
                }))
    }

    private static func short(_ value: Double) -> Double {
        // The codes hold four digits; more would be noise that costs room.
        let scale = value < 10 ? 10_000.0 : value < 1000 ? 100.0 : 1.0
        return (value * scale).rounded() / scale
    }

    package func metricFamilies() async -> [MetricFamily] {
        let (bytes, hosts, leftOut, resolution) = state.withLock { state in
            (state.book.bytes, state.book.hosts.count, state.book.hostsLeftOut, state.book.resolution)
        }
        var step = MetricFamily(
            "troop_history_step_seconds", .gauge, "The step at which history is kept, by what it covers")
        step.add(Double(resolution.fineStep), [("span", "15m")])
        step.add(Double(resolution.coarseStep), [("span", "24h")])
        return [
            step,
            MetricFamily("troop_history_hosts", .gauge, "Hosts whose history is kept", Double(hosts)),
            MetricFamily(
                "troop_history_hosts_left_out", .gauge, "Hosts for whose history there is no room",
                Double(leftOut)),
            MetricFamily("troop_history_bytes", .gauge, "Memory that the history takes", Double(bytes)),
            MetricFamily(
                "troop_history_budget_bytes", .gauge, "Memory that the history may take", Double(budgetBytes)),
        ]
    }
}

extension HistoryPoint {
    /// What a report tells of its host.
    init(_ report: HostReport) {
        self.init()
        self[.cpu] = report.cpu
        self[.memory] = report.memory
        self[.load1] = report.load1
        self[.pressureCPU] = report.pressureCPUSome
        self[.pressureMemory] = report.pressureMemorySome
        self[.pressureIO] = report.pressureIOSome
        self[.networkReceived] = report.networkReceived
        self[.networkSent] = report.networkSent
    }
}
