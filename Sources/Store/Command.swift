/// One command for Redis: words of any text. Its description shows only the first, since others may be
/// secret.
package struct Command: Sendable, CustomStringConvertible {
    private static let wordsMax = 1_048_576
    static let bytesMax = 64 * 1024 * 1024
    /// So much of the first word is told.
    private static let shownCharacters = 32
    /// Room for a word of the usual length, in bytes.
    private static let usualWordBytes = 24

    /// The words as Redis takes them (RESP2: `$`, length, line end, bytes, line end), one after the other.
    private var words: [UInt8] = []
    private var count = 0
    private let title: String
    /// The script this runs by its digest; where the server does not know it, its text is sent in place of that.
    private let script: Script?
    /// The bytes of the words that name the script.
    private var nameBytes = 0

    /// A command of texts.
    package init(_ words: [String]) {
        script = nil
        title = String((words.first ?? "").prefix(Command.shownCharacters))
        for word in words { append(word) }
    }

    /// A command of texts.
    package init(_ words: String...) { self.init(words) }

    /// A script's run: `EVALSHA`, and where the server does not know it, `EVAL`.
    package init(_ script: Script, keys: [String], arguments: [String]) {
        self.script = script
        title = script.name
        words.reserveCapacity(Command.usualWordBytes * (3 + keys.count + arguments.count))
        append("EVALSHA")
        append(script.digest)
        nameBytes = words.count
        append(String(keys.count))
        for key in keys { append(key) }
        for argument in arguments { append(argument) }
    }

    private init(whole run: Command, _ script: Script) {
        self.script = nil
        title = run.description
        append("EVAL")
        append(script.body)
        words += run.words[run.nameBytes...]
        count = run.count
    }

    private mutating func append(_ word: String) {
        let text = word.utf8
        words.append(UInt8(ascii: "$"))
        Command.append(text.count, to: &words)
        words.append(contentsOf: text)
        Command.endLine(&words)
        count += 1
    }

    /// The first word, or the script's name: what errors say.
    package var description: String { script == nil ? title : "script \(title)" }

    /// The command that carries the script's whole text; nil when this is no script's run.
    var withWholeScript: Command? { script.map { Command(whole: self, $0) } }

    /// Appends the command's RESP form; false when it is empty or beyond the limits.
    func encode(into output: inout [UInt8]) -> Bool {
        guard count > 0, count <= Command.wordsMax, words.count <= Command.bytesMax else { return false }
        output.append(UInt8(ascii: "*"))
        Command.append(count, to: &output)
        output += words
        return true
    }

    /// Appends a number that is not negative, and the end of its line.
    private static func append(_ number: Int, to output: inout [UInt8]) {
        var power = 1
        while power <= number / 10 { power *= 10 }
        while power > 0 {
            output.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / power % 10))
            power /= 10
        }
        endLine(&output)
    }

    private static func endLine(_ output: inout [UInt8]) {
        output.append(UInt8(ascii: "\r"))
        output.append(UInt8(ascii: "\n"))
    }
}
