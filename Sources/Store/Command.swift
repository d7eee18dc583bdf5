/// One command for Redis: words of any text. Its description shows only the first, since others may be
/// secret.
package struct Command: Sendable, CustomStringConvertible {
    private static let wordsMax = 1_048_576
    static let bytesMax = 64 * 1024 * 1024
    /// So much of the first word is told.
    private static let shownCharacters = 32
    /// Room for a word of the usual length, in bytes.
    private static let usualWordBytes = 24

    private var words: CommandWords
    private let title: String
    /// The script this runs by its digest; where the server does not know it, its text is sent in place of that.
    private let script: Script?
    /// The bytes of the words that name the script.
    private var nameBytes = 0
    /// `EVALSHA` and the digest, or `EVAL` and the text.
    private static let nameWords = 2

    /// A command of texts.
    package init(_ words: [String]) {
        script = nil
        title = String((words.first ?? "").prefix(Command.shownCharacters))
        self.words = CommandWords()
        for word in words { self.words.append(word) }
    }

    /// A command of texts.
    package init(_ words: String...) { self.init(words) }

    /// A script's run: `EVALSHA`, and where the server does not know it, `EVAL`.
    package init(_ script: Script, keys: [String], arguments: [String]) {
        self.init(script, keys: keys, moreWords: arguments.count)
        for argument in arguments { words.append(argument) }
    }

    /// The same with arguments that are written already.
    package init(_ script: Script, keys: [String], arguments: CommandWords) {
        self.init(script, keys: keys, moreWords: arguments.count)
        words.append(arguments, from: 0, count: arguments.count)
    }

    private init(_ script: Script, keys: [String], moreWords: Int) {
        self.script = script
        title = script.name
        words = CommandWords(capacity: Command.usualWordBytes * (3 + keys.count + moreWords))
        words.append("EVALSHA" as StaticString)
        words.append(script.digest)
        nameBytes = words.bytes.count
        words.append(whole: Int64(keys.count))
        for key in keys { words.append(key) }
    }

    private init(whole run: Command, _ script: Script) {
        self.script = nil
        title = run.description
        words = CommandWords()
        words.append("EVAL" as StaticString)
        words.append(script.body)
        words.append(run.words, from: run.nameBytes, count: run.words.count - Command.nameWords)
    }

    /// The first word, or the script's name: what errors say.
    package var description: String { script == nil ? title : "script \(title)" }

    /// The command that carries the script's whole text; nil when this is no script's run.
    var withWholeScript: Command? { script.map { Command(whole: self, $0) } }

    /// Appends the command's RESP form; false when it is empty or beyond the limits.
    func encode(into output: inout [UInt8]) -> Bool {
        guard words.count > 0, words.count <= Command.wordsMax, words.bytes.count <= Command.bytesMax else {
            return false
        }
        output.append(UInt8(ascii: "*"))
        CommandWords.append(words.count, to: &output)
        output += words.bytes
        return true
    }
}
