/// The pressure stall information of the machine; a resource the kernel does not report is nil.
package struct Pressure: Sendable, Equatable {
    package var cpu: PressureStall?
    package var memory: PressureStall?
    package var io: PressureStall?

    /// Nothing known.
    package init() {}
}

/// How much of the time tasks stood still for want of one resource.
package struct PressureStall: Sendable, Equatable {
    /// One line of it: percentages over three windows, and the whole time since boot.
    package struct Line: Sendable, Equatable {
        /// The percentage of the last 10 seconds, 0 to 100.
        package var tenSeconds: Double
        /// The percentage of the last 60 seconds, 0 to 100.
        package var sixtySeconds: Double
        /// The percentage of the last 300 seconds, 0 to 100.
        package var threeHundredSeconds: Double
        /// The time since boot, in microseconds.
        package var totalMicroseconds: UInt64
    }

    /// Time in which at least one task stood still.
    package var someLine: Line?
    /// Time in which all tasks stood still; nil for the CPU on kernels before 5.13.
    package var fullLine: Line?

    /// The percentage of the last 10 seconds in which at least one task stood still, 0 to 100.
    package var some: Double? { someLine?.tenSeconds }
    /// The percentage of the last 10 seconds in which all tasks stood still, 0 to 100.
    package var full: Double? { fullLine?.tenSeconds }

    /// The lines of a file of /proc/pressure; nil when neither makes sense.
    static func parse(_ bytes: Span<UInt8>) -> PressureStall? {
        var stall = PressureStall()
        var scanner = ByteScanner(bytes)
        while !scanner.isAtEnd {
            if scanner.skip("some ") {
                stall.someLine = line(&scanner)
            } else if scanner.skip("full ") {
                stall.fullLine = line(&scanner)
            }
            scanner.skipLine()
        }
        return stall.someLine == nil && stall.fullLine == nil ? nil : stall
    }

    private static func line(_ scanner: inout ByteScanner) -> Line? {
        guard scanner.skip("avg10="), let ten = percent(&scanner), scanner.skip(" avg60="),
            let sixty = percent(&scanner), scanner.skip(" avg300="), let threeHundred = percent(&scanner),
            scanner.skip(" total="), let total = scanner.number()
        else { return nil }
        return Line(
            tenSeconds: ten, sixtySeconds: sixty, threeHundredSeconds: threeHundred, totalMicroseconds: total)
    }

    private static func percent(_ scanner: inout ByteScanner) -> Double? {
        guard let value = scanner.decimal(), value <= 100 else { return nil }
        return value
    }
}
