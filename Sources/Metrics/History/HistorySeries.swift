import Glibc

/// What is remembered of each host.
package enum HistorySeries: String, CaseIterable, Sendable, Codable {
    /// Busy share of the CPU, 0 to 1.
    case cpu
    /// Share of the memory in use, 0 to 1.
    case memory
    case load1
    /// Percentages of the last 10 seconds, 0 to 100.
    case pressureCPU = "pressure_cpu"
    case pressureMemory = "pressure_memory"
    case pressureIO = "pressure_io"
    /// Bytes a second.
    case networkReceived = "network_received"
    case networkSent = "network_sent"
    /// Milliseconds from a request's arrival to its answer's last byte.
    case latencyP50 = "latency_p50"
    case latencyP99 = "latency_p99"

    /// The place among a point's values.
    var place: Int {
        switch self {
        case .cpu: 0
        case .memory: 1
        case .load1: 2
        case .pressureCPU: 3
        case .pressureMemory: 4
        case .pressureIO: 5
        case .networkReceived: 6
        case .networkSent: 7
        case .latencyP50: 8
        case .latencyP99: 9
        }
    }

    /// How a value becomes 16 bits.
    private enum Scale {
        /// So many steps for each unit; what is larger than fits is the largest that does.
        case steps(Double)
        /// Steps of the logarithm: about 0.07 % each, from `unit` up.
        case logarithm(unit: Double)
    }

    private var scale: Scale {
        switch self {
        case .cpu, .memory: .steps(10_000)
        case .load1: .steps(50)
        case .pressureCPU, .pressureMemory, .pressureIO: .steps(100)
        case .networkReceived, .networkSent: .logarithm(unit: 1)
        case .latencyP50, .latencyP99: .logarithm(unit: 0.001)
        }
    }

    /// No value.
    static let none: UInt16 = .max
    private static let codeMax = Double(UInt16.max - 1)
    private static let stepsOfTwo = 1000.0

    /// The code of a value; `none` for nil, for what is negative and for what is no number.
    func code(_ value: Double?) -> UInt16 {
        guard let value, value >= 0, value.isFinite else { return HistorySeries.none }
        let steps: Double
        switch scale {
        case .steps(let each): steps = value * each
        case .logarithm(let unit): steps = log2(1 + value / unit) * HistorySeries.stepsOfTwo
        }
        return UInt16(min(HistorySeries.codeMax, steps.rounded()))
    }

    /// The value of a code; nil for `none`.
    func value(_ code: UInt16) -> Double? {
        guard code != HistorySeries.none else { return nil }
        switch scale {
        case .steps(let each): return Double(code) / each
        case .logarithm(let unit): return (exp2(Double(code) / HistorySeries.stepsOfTwo) - 1) * unit
        }
    }
}

/// The values of one host at one moment.
package struct HistoryPoint: Sendable, Equatable {
    /// How many values there are.
    static let width = HistorySeries.allCases.count

    private var values = InlineArray<10, Double>(repeating: .nan)

    /// Nothing known.
    package init() {}

    /// The value of a series; nil where it is not known.
    package subscript(series: HistorySeries) -> Double? {
        get {
            let value = values[series.place]
            return value.isNaN ? nil : value
        }
        set { values[series.place] = newValue ?? .nan }
    }

    package static func == (left: HistoryPoint, right: HistoryPoint) -> Bool {
        HistorySeries.allCases.allSatisfy { left[$0] == right[$0] }
    }
}
