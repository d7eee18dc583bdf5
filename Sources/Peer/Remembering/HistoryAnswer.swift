package import Metrics

/// One host's history: the JSON of `GET /v1/hosts/NAME/history`. A column for each series; unknown values are null.
package struct HistoryAnswer: Codable, Equatable, Sendable {
    package var host: String
    /// When this was answered and when the first row begins, in milliseconds since 1970 by the agent's clock.
    package var nowMs: Int64
    package var fromMs: Int64
    /// Milliseconds from row to row.
    package var stepMs: Int64
    /// The finest steps that are kept of the last 15 minutes and of the last 24 hours: they grow with the number of hosts.
    package var fineStepMs: Int64
    package var coarseStepMs: Int64
    /// When this agent began to remember.
    package var sinceMs: Int64
    /// The host from whose agent it has what was before; null when nobody could tell.
    @OrNull package var filledFrom: String?
    package var series: [String: [Double?]]
}

extension HistoryAnswer {
    /// The rows as columns by another clock; nil when the answer makes no sense. `second` is that clock's now.
    package func columns(now second: Int64) -> HistoryBook.Columns? {
        let age = nowMs.subtractingReportingOverflow(fromMs)
        guard !age.overflow, (0...2 * HistoryResolution.coarseSpan * 1000).contains(age.partialValue),
            (1000...HistoryResolution.coarseSpan * 1000).contains(stepMs)
        else { return nil }
        var values: [HistorySeries: [Double?]] = [:]
        for (name, column) in series {
            guard let series = HistorySeries(rawValue: name), column.count <= HistoryQuery.rowsMax else {
                continue
            }
            values[series] = column
        }
        let count = values.values.map(\.count).max() ?? 0
        return HistoryBook.Columns(
            start: second - age.partialValue / 1000, step: stepMs / 1000, count: count, values: values)
    }
}

/// What `GET /v1/hosts/NAME/history` is asked for.
package struct HistoryQuery: Equatable, Sendable {
    /// How far back, in seconds.
    package var ageSeconds: Int64
    /// The least distance of two rows, in seconds; nil for the finest that there is.
    package var stepSeconds: Int64?
    package var series: [HistorySeries]

    /// The most rows of an answer.
    static let rowsMax = 2000
    /// Without `from`, in seconds.
    private static let ageDefault = HistoryResolution.fineSpan

    /// Reads `from` (a duration before now, or milliseconds since 1970), `step` (a duration) and `series` (names with
    /// commas between them).
    init(_ query: [String: String], nowMilliseconds: Int64) throws(FormFault) {
        ageSeconds = HistoryQuery.ageDefault
        if let text = query["from"] {
            var age = QuantityUnit.milliseconds(text)
            if age == nil, let at = Int64(text) {
                let difference = nowMilliseconds.subtractingReportingOverflow(at)
                age = difference.overflow ? nil : difference.partialValue
            }
            guard let age, (0...HistoryResolution.coarseSpan * 1000).contains(age) else {
                throw FormFault(
                    sentence:
                        "from is '\(text.prefix(30))'; expected a duration of at most 24h such as 15m, or milliseconds since 1970 within the last 24 hours"
                )
            }
            ageSeconds = (age + 999) / 1000
        }
        if let text = query["step"] {
            guard let step = QuantityUnit.milliseconds(text),
                (1...HistoryResolution.coarseSpan * 1000).contains(step)
            else {
                throw FormFault(
                    sentence: "step is '\(text.prefix(30))'; expected a duration from 1s to 24h such as 10s")
            }
            stepSeconds = (step + 999) / 1000
        }
        series = HistorySeries.allCases
        guard let text = query["series"] else { return }
        series = []
        for name in text.split(separator: ",", maxSplits: 64) {
            guard let known = HistorySeries(rawValue: String(name)) else {
                let names = HistorySeries.allCases.map(\.rawValue).joined(separator: ", ")
                throw FormFault(sentence: "series names '\(name.prefix(30))'; there are \(names)")
            }
            if !series.contains(known) { series.append(known) }
        }
    }
}
