import CHiredis

/// One command for Redis: words of any bytes. Its description shows only the first, since others may be
/// secret.
package struct Command: Sendable, CustomStringConvertible {
    private static let wordsMax = 1_048_576
    static let bytesMax = 64 * 1024 * 1024

    /// The words, one after the other, and where each ends.
    private var bytes: [UInt8] = []
    private var lengths: [Int] = []
    /// The first word, or a script's name: what errors say.
    package let description: String
    /// What to send in place of this when the server does not know the script.
    private let fallback: [[UInt8]]?

    /// A command of texts.
    package init(_ words: [String]) { self.init(bytes: words.map { Array($0.utf8) }) }

    /// A command of texts.
    package init(_ words: String...) { self.init(words) }

    /// A command of any bytes.
    package init(bytes words: [[UInt8]]) {
        self.init(
            words, description: words.first.map { String(decoding: $0.prefix(32), as: UTF8.self) } ?? "",
            fallback: nil)
    }

    /// A script's run: `EVALSHA`, and where the server does not know it, `EVAL`.
    package init(_ script: Script, keys: [String], arguments: [String]) {
        let rest = ["\(keys.count)"] + keys + arguments
        self.init(
            (["EVALSHA", script.digest] + rest).map { Array($0.utf8) }, description: "script \(script.name)",
            fallback: (["EVAL", script.body] + rest).map { Array($0.utf8) })
    }

    private init(_ words: [[UInt8]], description: String, fallback: [[UInt8]]?) {
        self.description = description
        self.fallback = fallback
        bytes.reserveCapacity(words.reduce(1) { $0 + $1.count })
        for word in words {
            bytes.append(contentsOf: word)
            lengths.append(word.count)
        }
    }

    /// The command that carries the script's whole text; nil when this is no script's run.
    var withWholeScript: Command? {
        fallback.map { Command($0, description: description, fallback: nil) }
    }

    /// Appends the command's RESP form; false when it is empty or beyond the limits.
    func encode(into output: inout [UInt8]) -> Bool {
        guard !lengths.isEmpty, lengths.count <= Command.wordsMax, bytes.count <= Command.bytesMax else {
            return false
        }
        var encoded: UnsafeMutablePointer<CChar>?
        let count = (bytes + [0]).withUnsafeBytes { raw in
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
