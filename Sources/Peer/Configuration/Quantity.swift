/// A unit of durations or sizes, and how many of the base unit it holds.
package struct QuantityUnit: Sendable {
    let name: String
    let factor: Int64

    static let durations = [
        QuantityUnit(name: "ms", factor: 1), QuantityUnit(name: "s", factor: 1000),
        QuantityUnit(name: "m", factor: 60_000), QuantityUnit(name: "h", factor: 3_600_000),
    ]
    static let sizes = [
        QuantityUnit(name: "B", factor: 1), QuantityUnit(name: "KiB", factor: 1024),
        QuantityUnit(name: "MiB", factor: 1_048_576), QuantityUnit(name: "GiB", factor: 1_073_741_824),
    ]

    /// The quantity in base units; nil unless the text is digits and one of the units, and fits.
    static func amount(_ text: String, in units: [QuantityUnit]) -> Int64? {
        let digits = text.utf8.prefix { (0x30...0x39).contains($0) }
        guard let count = decimal(String(Substring(digits))),
            let unit = units.first(where: { text.utf8.dropFirst(digits.count).elementsEqual($0.name.utf8) })
        else { return nil }
        let (amount, overflow) = Int64(count).multipliedReportingOverflow(by: unit.factor)
        return overflow ? nil : amount
    }

    /// A duration with its unit in milliseconds, as on the command line; nil for anything else.
    package static func milliseconds(_ text: String) -> Int64? { amount(text, in: durations) }

    /// The quantity as a person would write it: in the largest unit that leaves no rest.
    static func text(_ amount: Int64, in units: [QuantityUnit]) -> String {
        let unit = units.last { amount >= $0.factor && amount % $0.factor == 0 } ?? units[0]
        return "\(amount / unit.factor)\(unit.name)"
    }
}

extension ValueForm where Value == Int64 {
    /// A duration with its unit; the value is in milliseconds.
    static func duration(_ rangeMilliseconds: ClosedRange<Int64>) -> ValueForm {
        quantity("duration", example: "250ms", units: QuantityUnit.durations, range: rangeMilliseconds)
    }

    /// A size with its unit; the value is in bytes.
    static func size(_ rangeBytes: ClosedRange<Int64>) -> ValueForm {
        quantity("size", example: "16KiB", units: QuantityUnit.sizes, range: rangeBytes)
    }

    private static func quantity(
        _ noun: String, example: String, units: [QuantityUnit], range: ClosedRange<Int64>
    ) -> ValueForm {
        let lowest = QuantityUnit.text(range.lowerBound, in: units)
        let highest = QuantityUnit.text(range.upperBound, in: units)
        return ValueForm(name: "\(noun), \(lowest) to \(highest)") { text throws(ValueFault) in
            guard let amount = QuantityUnit.amount(text, in: units) else {
                throw ValueFault(text: "expected a \(noun) such as \(example), got '\(shown(text))'")
            }
            guard range.contains(amount) else {
                throw ValueFault(
                    text: "expected a \(noun) from \(lowest) to \(highest), got '\(shown(text))'")
            }
            return amount
        }
    }
}
