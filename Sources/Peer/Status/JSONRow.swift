import FoundationEssentials

/// JSON values written one after the other, as `QuickEncoder` writes them.
struct JSONRow {
    var bytes: [UInt8] = []
    /// False once a number was written that no JSON can hold.
    private(set) var isSound = true

    mutating func write(_ text: String?) {
        guard let text else { return writeNull() }
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                bytes += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func write(_ number: Double?) {
        guard let number else { return writeNull() }
        guard number.isFinite else {
            isSound = false
            return
        }
        if let whole = Int64(exactly: number) { return write(whole) }
        bytes += number.description.utf8
    }

    mutating func write(_ whole: (some FixedWidthInteger)?) {
        guard let whole else { return writeNull() }
        bytes += String(whole).utf8
    }

    private mutating func writeNull() { bytes += [0x6E, 0x75, 0x6C, 0x6C] }
}

/// Reads values of JSON without white space, one after the other.
struct JSONRowReader {
    let bytes: UnsafeBufferPointer<UInt8>
    private(set) var index = 0

    init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// Larger mantissas, and powers of ten beyond 22, are not exact in a `Double`.
    private static let exactMax: UInt64 = 1 << 53
    private static let powers: [Double] = (0...22).reduce(into: []) { list, _ in
        list.append((list.last ?? 0.1) * 10)
    }

    /// Passes over a byte; false when another one stands there.
    mutating func takes(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    /// Passes over some bytes; false when others stand there.
    mutating func takes(_ wanted: [UInt8]) -> Bool {
        guard bytes.count - index >= wanted.count else { return false }
        for (offset, byte) in wanted.enumerated() where bytes[index + offset] != byte { return false }
        index += wanted.count
        return true
    }

    /// Passes over a byte that must stand there.
    mutating func expect(_ byte: UInt8) throws(HostRows.Fault) {
        guard takes(byte) else {
            throw HostRows.Fault(what: "no '\(Unicode.Scalar(byte))' at byte \(index)")
        }
    }

    /// A text, or null.
    mutating func text() throws(HostRows.Fault) -> String? {
        if takesNull() { return nil }
        let start = index
        try expect(UInt8(ascii: "\""))
        var isPlain = true
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            if bytes[index] == UInt8(ascii: "\\") {
                isPlain = false
                index += 1
            }
            index += 1
        }
        let end = index
        try expect(UInt8(ascii: "\""))
        if isPlain { return String(decoding: bytes[(start + 1)..<end], as: UTF8.self) }
        let quoted = Data(bytes[start..<index])
        guard let text = try? JSONDecoder().decode(String.self, from: quoted) else {
            throw HostRows.Fault(what: "no text at byte \(start)")
        }
        return text
    }

    /// A whole number, or null.
    mutating func whole<Number: FixedWidthInteger>() throws(HostRows.Fault) -> Number? {
        if takesNull() { return nil }
        let start = index
        var magnitude: UInt64 = 0
        let isNegative = takes(UInt8(ascii: "-"))
        let digits = index
        while let digit = digit() {
            let (product, isOver) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, isBeyond) = product.addingReportingOverflow(digit)
            if isOver || isBeyond { throw HostRows.Fault(what: "a number beyond measure at byte \(start)") }
            magnitude = sum
        }
        let number =
            isNegative
            ? Int64(exactly: magnitude).flatMap { Number(exactly: -$0) } : Number(exactly: magnitude)
        guard index > digits, let number else {
            throw HostRows.Fault(what: "no whole number at byte \(start)")
        }
        return number
    }

    /// A number, or null.
    mutating func number() throws(HostRows.Fault) -> Double? {
        if takesNull() { return nil }
        let start = index
        let isNegative = takes(UInt8(ascii: "-"))
        var mantissa: UInt64 = 0
        var places = 0
        var isExact = true
        var hasPoint = false
        while index < bytes.count {
            if let digit = digit() {
                isExact = isExact && mantissa < JSONRowReader.exactMax / 16
                if isExact { mantissa = mantissa * 10 + digit }
                if hasPoint { places += 1 }
            } else if !hasPoint, takes(UInt8(ascii: ".")) {
                hasPoint = true
            } else {
                break
            }
        }
        let isEnded = index >= bytes.count || [UInt8(ascii: ","), UInt8(ascii: "}")].contains(bytes[index])
        if isExact, isEnded, index > start, places < JSONRowReader.powers.count {
            let value = Double(mantissa) / JSONRowReader.powers[places]
            return isNegative ? -value : value
        }
        // An exponent, or many digits: rare, and the library's to read.
        while index < bytes.count, bytes[index] != UInt8(ascii: ","), bytes[index] != UInt8(ascii: "}") {
            index += 1
        }
        guard let value = Double(String(decoding: bytes[start..<index], as: UTF8.self)) else {
            throw HostRows.Fault(what: "no number at byte \(start)")
        }
        return value
    }

    /// Passes over a member of any name and value.
    mutating func skipMember() throws(HostRows.Fault) {
        _ = try text()
        try expect(UInt8(ascii: ":"))
        var depth = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                _ = try text()
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return }
                depth -= 1
            case UInt8(ascii: ",") where depth == 0: return
            default: break
            }
            index += 1
        }
    }

    private mutating func digit() -> UInt64? {
        guard index < bytes.count else { return nil }
        let value = bytes[index] &- UInt8(ascii: "0")
        guard value < 10 else { return nil }
        index += 1
        return UInt64(value)
    }

    private mutating func takesNull() -> Bool {
        guard index < bytes.count, bytes[index] == UInt8(ascii: "n") else { return false }
        return takes([0x6E, 0x75, 0x6C, 0x6C])
    }
}
