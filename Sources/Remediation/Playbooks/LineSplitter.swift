/// Cuts a child's output into lines that logs may show, within limits: whatever floods, the rest is dropped and counted.
struct LineSplitter: Sendable {
    /// Longer lines are cut, in bytes.
    static let lineBytesMax = 4096
    /// Lines that are passed on.
    static let linesMax = 20_000
    /// The last lines, kept for the error.
    static let tailLines = 12

    private var line: [UInt8] = []
    private var isCut = false
    private var passed = 0
    private(set) var dropped = 0
    private var tailRing: [String] = []

    init() {}

    /// The last lines, joined.
    var tail: String { tailRing.joined(separator: "\n") }

    /// Takes a piece of output; `pass` is given each line that is now complete.
    mutating func take(_ bytes: UnsafeRawBufferPointer, pass: (String) -> Void) {
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                end(pass)
            } else if line.count < LineSplitter.lineBytesMax {
                line.append(byte)
            } else {
                isCut = true
            }
        }
    }

    /// Ends the output: a last line without an end, and how much was dropped.
    mutating func finish(pass: (String) -> Void) {
        if !line.isEmpty { end(pass) }
        if dropped > 0 { pass("(\(dropped) more lines were dropped)") }
    }

    private mutating func end(_ pass: (String) -> Void) {
        let text = LineSplitter.plain(line) + (isCut ? "…" : "")
        line.removeAll(keepingCapacity: true)
        isCut = false
        if !text.isEmpty {
            tailRing.append(text)
            if tailRing.count > LineSplitter.tailLines { tailRing.removeFirst() }
        }
        guard passed < LineSplitter.linesMax else {
            dropped += 1
            return
        }
        passed += 1
        pass(text)
    }

    /// The text without colours, control characters and what is no UTF-8.
    static func plain(_ bytes: [UInt8]) -> String {
        var kept: [UInt8] = []
        kept.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == 0x1b, index < bytes.count, bytes[index] == UInt8(ascii: "[") {
                index += 1
                while index < bytes.count, !(0x40...0x7e).contains(bytes[index]) { index += 1 }
                index += 1
            } else if byte == UInt8(ascii: "\t") {
                kept.append(UInt8(ascii: " "))
            } else if byte >= 0x20, byte != 0x7f {
                kept.append(byte)
            }
        }
        var text = ""
        for scalar in String(decoding: kept, as: UTF8.self).unicodeScalars
        where scalar.properties.generalCategory != .control && scalar.properties.generalCategory != .format {
            text.unicodeScalars.append(scalar)
        }
        return text
    }
}
