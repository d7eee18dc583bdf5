/// Texts of anybody's, as a terminal may show them.
enum ShownText {
    /// Longer texts are cut, in columns.
    static let columnsMax = 120
    /// Longer sentences are cut, in columns: those that have the rest of the line, and say what is to be done.
    static let sentenceColumnsMax = 1000

    /// The text on one line: what would steer the terminal, change the direction of writing or be seen as nothing is
    /// shown as `?`; what is too long is cut.
    static func clean(_ text: String, columns: Int = ShownText.columnsMax) -> String {
        var result = ""
        var used = 0
        for character in text {
            let shown = isPrintable(character) ? character : "?"
            let width = ShownText.width(of: shown)
            if used + width > columns {
                while used >= columns, let last = result.popLast() { used -= ShownText.width(of: last) }
                return result + "…"
            }
            result.append(shown)
            used += width
        }
        return result
    }

    /// A clean text in lines of that many columns, broken between words where they are short enough.
    static func lines(of text: String, columns: Int) -> [String] {
        guard width(of: text) > columns else { return [text] }
        var lines: [String] = []
        var line = ""
        var used = 0
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            let width = ShownText.width(of: String(word))
            if !line.isEmpty, used + 1 + width <= columns {
                line.append(" ")
                line.append(contentsOf: word)
                used += 1 + width
                continue
            }
            if !line.isEmpty {
                lines.append(line)
                line = ""
                used = 0
            }
            for character in word {
                let more = ShownText.width(of: character)
                if used + more > columns, !line.isEmpty {
                    lines.append(line)
                    line = ""
                    used = 0
                }
                line.append(character)
                used += more
            }
        }
        return line.isEmpty ? lines : lines + [line]
    }

    /// The columns that a clean text takes.
    static func width(of text: String) -> Int { text.reduce(0) { $0 + width(of: $1) } }

    /// The columns of one character: two for those of East Asia and for emoji.
    static func width(of character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        if scalar.value < 0x300 { return 1 }
        if scalar.properties.isEmojiPresentation || character.unicodeScalars.contains("\u{FE0F}") { return 2 }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3,
            0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF,
            0x20000...0x3FFFD:
            return 2
        default: return 1
        }
    }

    private static func isPrintable(_ character: Character) -> Bool {
        // A heap of combining marks would run over the lines around it.
        guard character.unicodeScalars.count <= 8 else { return false }
        return character.unicodeScalars.enumerated().allSatisfy { index, scalar in
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse: false
            case .format: index > 0 && scalar == "\u{200D}"  // joins emoji
            case .nonspacingMark, .enclosingMark: index > 0
            default: true
            }
        }
    }
}
