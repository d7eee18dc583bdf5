import Glibc

/// The middle, the least and the most of several measurements.
struct Spread {
    let median: Double
    let least: Double
    let most: Double

    /// A spread of at least one value; nil for none.
    init?(_ values: [Double]) {
        let sorted = values.sorted()
        guard let first = sorted.first, let last = sorted.last else { return nil }
        (least, most) = (first, last)
        let middle = sorted.count / 2
        median = sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }

    /// `13.2 (13.0…13.5)`, with that many decimal places.
    func text(places: Int) -> String {
        "\(median.text(places: places)) (\(least.text(places: places))…\(most.text(places: places)))"
    }
}

extension Double {
    /// The number in decimal with a fixed number of places.
    func text(places: Int) -> String {
        guard isFinite, abs(self) < 1e15 else { return "-" }
        let scale = pow(10, Double(places))
        let scaled = Int64((abs(self) * scale).rounded())
        let sign = self < 0 && scaled > 0 ? "-" : ""
        let (whole, rest) = (scaled / Int64(scale), scaled % Int64(scale))
        if places == 0 { return "\(sign)\(whole)" }
        let digits = String(rest)
        return "\(sign)\(whole)." + String(repeating: "0", count: places - digits.count) + digits
    }
}
