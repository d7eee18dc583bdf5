import Glibc

/// The terminal at standard output, where there is one.
enum Terminal {
    /// Its size in characters.
    struct Size: Equatable {
        var columns: Int
        var rows: Int
    }

    /// Whether lines can be placed and coloured: a terminal that says what it is, and is not a dumb one.
    static let canPlace: Bool =
        isatty(STDOUT_FILENO) == 1
        && (getenv("TERM").map { String(cString: $0) }).map { !$0.isEmpty && $0 != "dumb" } ?? false

    /// The size now; what the kernel does not know comes from COLUMNS and LINES, else 80 by 24.
    static var size: Size {
        var window = winsize()
        _ = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &window)
        func number(_ kernel: UInt16, _ variable: String, _ fallback: Int) -> Int {
            if kernel > 0 { return Int(kernel) }
            return getenv(variable).flatMap { Int(String(cString: $0)) }.flatMap { $0 > 0 ? $0 : nil }
                ?? fallback
        }
        return Size(
            columns: number(window.ws_col, "COLUMNS", 80), rows: number(window.ws_row, "LINES", 24))
    }

    /// Shows lines in place of what was there, cut to the terminal's size, in one write so that nothing flickers.
    static func show(_ text: String) {
        let size = size
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        let cut = lines.prefix(size.rows - 1).map { clip($0, to: size.columns) + "\u{1B}[K" }
        let more = lines.count - cut.count
        let last = more > 0 ? Output.styled("… \(more + 1) more lines; make the terminal higher", .dim) : nil
        let shown = last.map { Array(cut.dropLast()) + [$0 + "\u{1B}[K"] } ?? cut
        Output.write("\u{1B}[H" + shown.joined(separator: "\r\n") + "\u{1B}[J")
    }

    /// A line cut to a width; its colours, which take no room, are kept.
    static func clip(_ line: Substring, to columns: Int) -> String {
        var result = ""
        var used = 0
        var isStyle = false
        for character in line {
            if character == "\u{1B}" { isStyle = true }
            if isStyle {
                result.append(character)
                if character == "m" { isStyle = false }
                continue
            }
            let width = ShownText.width(of: character)
            if used + width > columns { continue }
            used += width
            result.append(character)
        }
        return result
    }
}
