import HTTP

/// The whole lines of `Via` (RFC 9110 §7.6.3) with which a worker names itself, made once; none where it has no name.
struct ViaLine: BitwiseCopyable {
    /// The longest name in bytes.
    static let nameBytesMax = 64

    /// Two lines of the same length: for messages that came as HTTP/1.1, and for those that came as HTTP/1.0.
    private let lines: UnsafeMutablePointer<UInt8>?
    private let length: Int

    /// No line.
    init() {
        lines = nil
        length = 0
    }

    /// The lines with this name; none when it is empty.
    init(_ name: String) {
        guard !name.isEmpty else {
            lines = nil
            length = 0
            return
        }
        let bytes = Array(("Via: 1.1 " + name + "\r\n").utf8)
        let other = Array(("Via: 1.0 " + name + "\r\n").utf8)
        let lines = UnsafeMutablePointer<UInt8>.allocate(capacity: 2 * bytes.count)
        for (index, byte) in (bytes + other).enumerated() { (lines + index).initialize(to: byte) }
        self.lines = lines
        length = bytes.count
    }

    func deallocate() { lines?.deallocate() }

    /// Appends the line for a message that came in this minor version.
    @inline(__always)
    func append(minor: UInt8, to writer: inout HeadWriter) {
        guard let lines else { return }
        writer.append(lines + (minor == 0 ? length : 0), length)
    }
}
