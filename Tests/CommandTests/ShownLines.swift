/// What stands on a screen, as its reader sees it.
enum ShownLines {
    /// The lines of a text without what sets colours: whoever runs the tests may do so in a terminal.
    static func of(_ text: String) -> [String] {
        var result = ""
        var isStyle = false
        for character in text {
            if character == "\u{1B}" { isStyle = true }
            if !isStyle { result.append(character) }
            if character == "m" { isStyle = false }
        }
        return result.split(separator: "\n").map { String($0) }
    }

    /// What stands in the line of a table.
    static func cells(_ line: String) -> [String] {
        line.split(separator: "  ").map { cell in String(cell.drop(while: { $0 == " " })) }
    }
}
