/// A table for people: a head, rows, columns as wide as their widest cell.
struct Table {
    private let head: [String]
    private let numeric: Set<Int>
    private var rows: [[Cell]] = []

    /// One cell: its text and how it is styled.
    struct Cell: ExpressibleByStringLiteral {
        var text: String
        var style: Output.Style?

        init(_ text: String, _ style: Output.Style? = nil) {
            self.text = Table.printable(text)
            self.style = style
        }

        init(stringLiteral text: String) { self.init(text) }
    }

    /// A table with these columns; those whose number is in `numeric` are set flush right.
    init(_ head: [String], numeric: Set<Int> = []) {
        self.head = head
        self.numeric = numeric
    }

    /// Adds a row.
    mutating func add(_ row: [Cell]) { rows.append(row) }

    /// The table's lines, each ended by a newline.
    var text: String {
        let heading = head.map { Cell($0, .dim) }
        var widths = head.map(\.count)
        for row in rows {
            for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.text.count) }
        }
        return ([heading] + rows).map { row in
            let cells = row.enumerated().map { index, cell in
                let blank = String(repeating: " ", count: widths[index] - cell.text.count)
                let text = cell.style.map { Output.styled(cell.text, $0) } ?? cell.text
                if numeric.contains(index) { return blank + text }
                return index == row.count - 1 ? text : text + blank
            }
            return cells.joined(separator: "  ") + "\n"
        }.joined()
    }

    /// Texts from Redis may hold anything: control bytes must not reach a terminal.
    static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) ? "?" : scalar
                }))
    }
}
