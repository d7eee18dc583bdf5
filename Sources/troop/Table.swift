/// A table for people: a head, rows, columns as wide as their widest cell. The last column has the sentences: it goes on
/// below itself where a terminal ends, and is whole for every other reader.
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
                self.text = ShownText.clean(text, columns: ShownText.sentenceColumnsMax)
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
    mutating func add(_ row: [Cell]) {
        var row = row
        for index in row.indices where row[index].width > ShownText.columnsMax && !isSentence(index) {
            row[index] = Cell(ShownText.clean(row[index].text), row[index].style)
        }
        rows.append(row)
    }

    /// The table's lines, each ended by a newline, for where output goes.
    var text: String { text(columns: Output.isTerminal ? Terminal.size.columns : nil) }

    /// Less room than this is not worth a column of its own, in columns.
    private static let sentenceColumnsMin = 24

    /// The table's lines for a terminal of that many columns; without a number nothing is broken.
    func text(columns: Int?) -> String {
        let heading = head.map { Cell($0, .dim) }
        var widths = heading.map(\.width)
        for row in rows {
            for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.width) }
        }
        let indent = widths.dropLast().reduce(0) { $0 + $1 + 2 }
        let room = columns.map { $0 - indent }.flatMap { $0 < Table.sentenceColumnsMin ? nil : $0 }
        var text = ""
        text.reserveCapacity((rows.count + 1) * (widths.reduce(0, +) + 2 * widths.count))
        for row in [heading] + rows {
            for (index, cell) in row.enumerated() {
                if index > 0 { text += "  " }
                if let room, cell.width > room, isSentence(index) {
                    let lines = ShownText.lines(of: cell.text, columns: room)
                    for (number, line) in lines.enumerated() {
                        if number > 0 {
                            text += "\n"
                            Table.pad(&text, indent)
                        }
                        text += Table.styled(line, cell.style)
                    }
                    continue
                }
                let blank = widths[index] - cell.width
                if numeric.contains(index) { Table.pad(&text, blank) }
                text += Table.styled(cell.text, cell.style)
                if !numeric.contains(index), index < row.count - 1 { Table.pad(&text, blank) }
            }
            text += "\n"
        }
        return text
    }

    private func isSentence(_ index: Int) -> Bool { index == head.count - 1 && !numeric.contains(index) }

    private static func styled(_ text: String, _ style: Output.Style?) -> String {
        style.map { Output.styled(text, $0) } ?? text
    }

    private static func pad(_ text: inout String, _ count: Int) {
        for _ in 0..<count { text += " " }
    }

    /// Texts from Redis may hold anything: control bytes must not reach a terminal.
    static func printable(_ text: String) -> String {
        ShownText.clean(text, columns: ShownText.sentenceColumnsMax)
    }
}
