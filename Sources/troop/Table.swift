/// A table for people: a head, rows, columns as wide as their widest cell.
struct Table {
    private let head: [String]
    private let numeric: Set<Int>
    private var rows: [[Cell]] = []

    /// One cell: its text and how it is styled.
    struct Cell: ExpressibleByStringLiteral {
        let text: String
        let style: Output.Style?
        /// The columns of the terminal that it takes.
        let width: Int

        init(_ text: String, _ style: Output.Style? = nil) {
            // Nearly every cell is short and plain, and a large table has many.
            if text.utf8.count <= ShownText.columnsMax, text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) {
                self.text = text
                width = text.utf8.count
            } else {
                self.text = ShownText.clean(text)
                width = ShownText.width(of: self.text)
            }
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
        var widths = heading.map(\.width)
        for row in rows {
            for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.width) }
        }
        var text = ""
        text.reserveCapacity((rows.count + 1) * (widths.reduce(0, +) + 2 * widths.count))
        for row in [heading] + rows {
            for (index, cell) in row.enumerated() {
                if index > 0 { text += "  " }
                let blank = widths[index] - cell.width
                if numeric.contains(index) { Table.pad(&text, blank) }
                text += cell.style.map { Output.styled(cell.text, $0) } ?? cell.text
                if !numeric.contains(index), index < row.count - 1 { Table.pad(&text, blank) }
            }
            text += "\n"
        }
        return text
    }

    private static func pad(_ text: inout String, _ count: Int) {
        for _ in 0..<count { text += " " }
    }

    /// Texts from Redis may hold anything: control bytes must not reach a terminal.
    static func printable(_ text: String) -> String { ShownText.clean(text, columns: 1000) }
}
