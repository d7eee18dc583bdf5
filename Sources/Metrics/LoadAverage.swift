/// The load averages: tasks that ran or waited for a CPU or a disk.
package struct LoadAverage: Sendable, Equatable {
    package var oneMinute: Double
    package var fiveMinutes: Double
    package var fifteenMinutes: Double

    /// Three load averages.
    package init(oneMinute: Double, fiveMinutes: Double, fifteenMinutes: Double) {
        self.oneMinute = oneMinute
        self.fiveMinutes = fiveMinutes
        self.fifteenMinutes = fifteenMinutes
    }

    /// A load no machine has: such a number is a misreading.
    static let loadMax = 1e7

    /// The averages of a /proc/loadavg; nil when it makes no sense.
    static func parse(_ bytes: Span<UInt8>) -> LoadAverage? {
        var scanner = ByteScanner(bytes)
        guard let one = scanner.decimal(), scanner.skip(" "), let five = scanner.decimal(),
            scanner.skip(" "), let fifteen = scanner.decimal(), max(one, five, fifteen) <= loadMax
        else { return nil }
        return LoadAverage(oneMinute: one, fiveMinutes: five, fifteenMinutes: fifteen)
    }
}
