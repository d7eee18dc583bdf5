import Glibc

/// What /proc/PID/stat says of one process.
struct ProcessStat: Equatable {
    /// CPU time in user mode and in the kernel, in ticks.
    var cpuTicks: UInt64
    /// When it started, in ticks since boot: with the id it tells one process from every other.
    var startTicks: UInt64
    /// The memory it keeps resident, in pages.
    var residentPages: UInt64
    /// True when it has ended and only waits for its parent to notice.
    var hasEnded: Bool

    /// Reads a /proc/PID/stat; nil when it makes no sense.
    static func parse(_ bytes: Span<UInt8>) -> ProcessStat? {
        guard let end = nameEnd(bytes) else { return nil }
        var scanner = ByteScanner(bytes.extracting((end + 1)...))
        scanner.skipSpaces()
        let state = scanner.current
        scanner.skipWords(11)  // from the state, the third field, to before utime, the fourteenth
        guard let user = scanner.number() else { return nil }
        scanner.skipSpaces()
        guard let system = scanner.number() else { return nil }
        scanner.skipSpaces()
        scanner.skipWords(6)  // to before starttime, the twenty-second
        guard let start = scanner.number() else { return nil }
        scanner.skipSpaces()
        scanner.skipWords(1)  // the virtual size
        guard let resident = scanner.number() else { return nil }
        return ProcessStat(
            cpuTicks: user.saturatingSum(system), startTicks: start, residentPages: resident,
            hasEnded: state == UInt8(ascii: "Z") || state == UInt8(ascii: "X"))
    }

    /// Where the name ends in a /proc/PID/stat: it may hold spaces and parentheses, the last closing one is its end.
    static func nameEnd(_ bytes: Span<UInt8>) -> Int? {
        var end: Int?
        for index in bytes.indices where bytes[index] == UInt8(ascii: ")") { end = index }
        return end
    }
}

/// The number of a process or thread.
enum ProcessIdentifier {
    /// The kernel's largest (PID_MAX_LIMIT).
    static let largest: UInt64 = 4_194_304

    /// The number a pid file holds: digits with white space around them at most; nil for anything else.
    static func parsePidFile(_ bytes: Span<UInt8>) -> Int32? {
        guard bytes.count <= 64 else { return nil }
        var scanner = ByteScanner(bytes)
        scanner.skipWhiteSpace()
        guard let number = scanner.number(), (1...largest).contains(number) else { return nil }
        scanner.skipWhiteSpace()
        return scanner.isAtEnd ? Int32(number) : nil
    }

    /// The process or thread that an entry of a folder in /proc is named by; nil for other entries.
    static func named(by entry: UnsafeMutablePointer<dirent>) -> Int32? {
        withUnsafeBytes(of: &entry.pointee.d_name) { name -> Int32? in
            let end = name.firstIndex(of: 0) ?? name.count
            return name.withMemoryRebound(to: UInt8.self) { parsePidFile($0.span.extracting(..<end)) }
        }
    }

    /// Hands each number of a /proc/PID/task/TID/children to `body`, until it answers false.
    static func parseChildren(_ bytes: Span<UInt8>, _ body: (Int32) -> Bool) {
        var scanner = ByteScanner(bytes)
        while !scanner.isAtEnd {
            scanner.skipWhiteSpace()
            guard let number = scanner.number(), (1...largest).contains(number), body(Int32(number)) else {
                return
            }
        }
    }
}

extension ProcessStat {
    /// The name between the first and the last parenthesis, with `?` for what cannot be shown.
    static func name(_ bytes: Span<UInt8>) -> String {
        var text = ""
        var begin: Int?
        var end = 0
        for index in bytes.indices {
            if bytes[index] == UInt8(ascii: "("), begin == nil { begin = index + 1 }
            if bytes[index] == UInt8(ascii: ")") { end = index }
        }
        guard let begin, begin < end else { return text }
        let span = bytes.extracting(begin..<min(end, begin + 64))
        let name = span.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        for scalar in name.unicodeScalars {
            text.unicodeScalars.append(
                scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) ? "?" : scalar)
        }
        return text
    }
}
