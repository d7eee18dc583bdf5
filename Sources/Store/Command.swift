import CHiredis

/// One command for Redis: words of any text. Its description shows only the first, since others may be
/// secret.
package struct Command: Sendable, CustomStringConvertible {
    private static let wordsMax = 1_048_576
    static let bytesMax = 64 * 1024 * 1024
    /// So much of the first word is told.
    private static let shownBytes = 32

    /// The words, one after the other, and where each ends.
    private var bytes: [UInt8] = []
    private var lengths: [Int] = []
    /// The script this runs by its digest; where the server does not know it, its text is sent in place of that.
    private let script: Script?

    /// A command of texts.
    package init(_ words: [String]) {
        script = nil
        lengths.reserveCapacity(words.count)
        for word in words { append(word) }
    }

    /// A command of texts.
    package init(_ words: String...) { self.init(words) }

    /// A script's run: `EVALSHA`, and where the server does not know it, `EVAL`.
    package init(_ script: Script, keys: [String], arguments: [String]) {
        self.script = script
        lengths.reserveCapacity(3 + keys.count + arguments.count)
        append("EVALSHA")
        append(script.digest)
        append(String(keys.count))
        for key in keys { append(key) }
        for argument in arguments { append(argument) }
    }

    private init(words head: String..., then bytes: ArraySlice<UInt8>, _ lengths: ArraySlice<Int>) {
        script = nil
        for word in head { append(word) }
        self.bytes += bytes
        self.lengths += lengths
    }

    private mutating func append(_ word: String) {
        let start = bytes.count
        bytes.append(contentsOf: word.utf8)
        lengths.append(bytes.count - start)
    }

    /// The first word, or the script's name: what errors say.
    package var description: String {
        if let script { return "script \(script.name)" }
        return String(decoding: bytes.prefix(min(lengths.first ?? 0, Command.shownBytes)), as: UTF8.self)
    }

    /// The command that carries the script's whole text; nil when this is no script's run.
    var withWholeScript: Command? {
        guard let script else { return nil }
        let replaced = lengths.prefix(2)
        return Command(
            words: "EVAL", script.body, then: bytes.dropFirst(replaced.reduce(0, +)),
            lengths.dropFirst(replaced.count))
    }

    /// Appends the command's RESP form; false when it is empty or beyond the limits.
    func encode(into output: inout [UInt8]) -> Bool {
        guard !lengths.isEmpty, lengths.count <= Command.wordsMax, bytes.count <= Command.bytesMax else {
            return false
        }
        var encoded: UnsafeMutablePointer<CChar>?
        let count = bytes.withUnsafeBytes { raw in
            let text = raw.bindMemory(to: CChar.self)
            var pointers: [UnsafePointer<CChar>?] = []
            pointers.reserveCapacity(lengths.count)
            var offset = 0
            for length in lengths {
                pointers.append(text.baseAddress?.advanced(by: offset))
                offset += length
            }
            return redisFormatCommandArgv(&encoded, Int32(lengths.count), &pointers, lengths)
        }
        guard count > 0, let encoded else { return false }
        output.append(contentsOf: UnsafeRawBufferPointer(start: encoded, count: Int(count)))
        redisFreeCommand(encoded)
        return true
    }
}
