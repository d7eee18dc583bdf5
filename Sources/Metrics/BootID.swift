/// The kernel's name for this run of the machine: another one proves a reboot.
package enum BootID {
    /// Reads it, as `6f1d0f5e-….`; nil where the kernel shows none.
    package static func read(proc: String = "/proc") -> String? {
        let buffer = ReadBuffer()
        guard KeptFile.readOnce("\(proc)/sys/kernel/random/boot_id", into: buffer) else { return nil }
        return buffer.withBytes(parse)
    }

    /// The 36 hexadecimal digits and dashes of a UUID, with one line end at most; nil for anything else.
    static func parse(_ bytes: Span<UInt8>) -> String? {
        let length = 36
        guard bytes.count == length || bytes.count == length + 1 && bytes[length] == UInt8(ascii: "\n") else {
            return nil
        }
        var text = ""
        for index in 0..<length {
            let byte = bytes[index]
            let isDash = [8, 13, 18, 23].contains(index)
            let isDigit = (48...57).contains(byte) || (97...102).contains(byte)
            guard isDash ? byte == UInt8(ascii: "-") : isDigit else { return nil }
            text.unicodeScalars.append(Unicode.Scalar(byte))
        }
        return text
    }
}
