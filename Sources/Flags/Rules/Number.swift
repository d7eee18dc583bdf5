import Glibc

/// A number as rules reckon with it: whole as long as nothing makes a fraction of it.
enum Number: Sendable {
    case whole(Int64)
    case real(Double)

    static let notANumber = Number.real(.nan)

    /// The number as a fraction.
    var real: Double {
        switch self {
        case .whole(let value): Double(value)
        case .real(let value): value
        }
    }

    /// The number as a value; results too large for whole numbers are fractions.
    var json: JSON {
        switch self {
        case .whole(let value): .integer(value)
        case .real(let value): .number(value)
        }
    }

    static func + (left: Number, right: Number) -> Number {
        combine(left, right, { $0.addingReportingOverflow($1) }, { $0 + $1 })
    }

    static func - (left: Number, right: Number) -> Number {
        combine(left, right, { $0.subtractingReportingOverflow($1) }, { $0 - $1 })
    }

    static func * (left: Number, right: Number) -> Number {
        combine(left, right, { $0.multipliedReportingOverflow(by: $1) }, { $0 * $1 })
    }

    private static func combine(
        _ left: Number, _ right: Number, _ whole: (Int64, Int64) -> (partialValue: Int64, overflow: Bool),
        _ real: (Double, Double) -> Double
    ) -> Number {
        if case .whole(let left) = left, case .whole(let right) = right {
            let result = whole(left, right)
            if !result.overflow { return .whole(result.partialValue) }
        }
        return .real(real(left.real, right.real))
    }

    /// The remainder with the sign of the divisor; nil when that is 0.
    func remainder(_ divisor: Number) -> Number? {
        if case .whole(let left) = self, case .whole(let right) = divisor {
            guard right != 0 else { return nil }
            guard right != -1 else { return .whole(0) }
            let rest = left % right
            return .whole(rest != 0 && (rest < 0) != (right < 0) ? rest + right : rest)
        }
        let right = divisor.real
        guard right != 0 else { return nil }
        let rest = fmod(real, right)
        if rest == 0 { return .real(copysign(0, right)) }
        return .real((rest < 0) != (right < 0) ? rest + right : rest)
    }

    /// The number cut to a whole one; nil for what is none.
    var truncated: Int? {
        switch self {
        case .whole(let value): Int(exactly: value)
        case .real(let value): Int(exactly: value.rounded(.towardZero))
        }
    }

    /// Reads a decimal number with blanks around it; not a number for all else.
    init(text: String) {
        let isBlank = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
        let bytes = Array(text.utf8)
        guard let first = bytes.firstIndex(where: { !isBlank($0) }),
            let last = bytes.lastIndex(where: { !isBlank($0) }),
            bytes[first...last].allSatisfy({ Number.letters.contains($0) }),
            let value = Double(String(decoding: bytes[first...last], as: UTF8.self))
        else {
            self = .notANumber
            return
        }
        self = .real(value)
    }

    /// What a decimal number is made of.
    private static let letters = Set("0123456789+-.eE".utf8)

    /// As `printf` writes it with `%.15g`.
    static func shortText(_ value: Double) -> String {
        var buffer = [UInt8](repeating: 0, count: 40)
        let length = buffer.withUnsafeMutableBytes { raw in
            raw.withMemoryRebound(to: CChar.self) { bytes in
                withVaList([value]) { vsnprintf(bytes.baseAddress, bytes.count, "%.15g", $0) }
            }
        }
        return String(decoding: buffer[..<max(0, min(Int(length), buffer.count))], as: UTF8.self)
    }
}
