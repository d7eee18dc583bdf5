import HTTP

/// A request's id and, with it, the whole field line that carries it, ready to be copied into heads.
struct RequestID: BitwiseCopyable {
    /// The longest id that a trusted proxy may bring.
    static let bytesMax = 64
    /// The bytes of an id made here: 128 bits in hexadecimal.
    private static let ownBytes = 32
    private static let name: StaticString = "X-Request-Id: "

    /// The bytes before the id in its line.
    static var nameBytes: Int { name.utf8CodeUnitCount }

    /// The id's length; 0 for none.
    private(set) var count: UInt8 = 0
    /// `X-Request-Id: …` and CRLF.
    private var line = InlineArray<80, UInt8>(repeating: 0)

    /// The length of the whole line; 0 for no id.
    var lineCount: Int { count == 0 ? 0 : RequestID.nameBytes + Int(count) + 2 }

    mutating func forget() { count = 0 }

    /// Makes a new id.
    @inline(__always)
    mutating func make(_ randomness: inout Randomness) {
        let (high, low) = (randomness.next(), randomness.next())
        withUnsafeMutablePointer(to: &line) {
            let text = UnsafeMutableRawPointer($0).assumingMemoryBound(to: UInt8.self)
            text.update(from: RequestID.name.utf8Start, count: 14)
            Randomness.hexadecimal(high, to: text + 14)
            Randomness.hexadecimal(low, to: text + 30)
            text[46] = UInt8(ascii: "\r")
            text[47] = UInt8(ascii: "\n")
        }
        count = UInt8(RequestID.ownBytes)
    }

    /// Takes the id that a trusted proxy sent, when there is exactly one and it is harmless; false otherwise.
    mutating func adopt(
        _ head: RequestHead, _ base: UnsafePointer<UInt8>, _ fields: UnsafePointer<Field>
    ) -> Bool {
        var found: ByteRange?
        for index in 0..<head.summary.count where fields[index].kind == .requestID {
            guard found == nil else { return false }
            found = fields[index].value
        }
        guard let found, (1...RequestID.bytesMax).contains(found.count) else { return false }
        for index in found.start..<found.end where !RequestID.isHarmless(base[index]) { return false }
        withUnsafeMutablePointer(to: &line) {
            let text = UnsafeMutableRawPointer($0).assumingMemoryBound(to: UInt8.self)
            text.update(from: RequestID.name.utf8Start, count: RequestID.nameBytes)
            (text + RequestID.nameBytes).update(from: base + found.start, count: found.count)
            text[RequestID.nameBytes + found.count] = UInt8(ascii: "\r")
            text[RequestID.nameBytes + found.count + 1] = UInt8(ascii: "\n")
        }
        count = UInt8(found.count)
        return true
    }

    /// Letters, digits and `-._~+/=:@`: what no log, shell or page takes for anything else.
    private static func isHarmless(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "+"), UInt8(ascii: "-")...UInt8(ascii: ":"), UInt8(ascii: "="),
            UInt8(ascii: "@"), UInt8(ascii: "_"), UInt8(ascii: "~"):
            true
        default: false
        }
    }

    /// Calls `body` with the line's first byte.
    @inline(__always)
    static func withLine<R>(
        of id: UnsafeMutablePointer<RequestID>, _ body: (UnsafePointer<UInt8>) -> R
    ) -> R {
        withUnsafeMutablePointer(to: &id.pointee.line) {
            body(UnsafeRawPointer($0).assumingMemoryBound(to: UInt8.self))
        }
    }
}
