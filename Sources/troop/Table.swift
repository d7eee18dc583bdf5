/// A table for people: a head, rows, columns as wide as their widest cell. The last column has the sentences: it goes on
/// below itself where a terminal ends. A table that knows its least important columns leaves them out where a terminal
/// is too narrow. Every other reader gets all of it.
struct Table {
    private let head: [String]
    private let numeric: Set<Int>
    /// The columns that a narrow terminal does without, in the order in which they go.
    private let leastFirst: [Int]
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

    /// A table with these columns; those whose number is in `numeric` are set flush right. A terminal that is too
    /// narrow does without those named in `leastFirst`, the first of them first.
    init(_ head: [String], numeric: Set<Int> = [], leastFirst: [String] = []) {
        self.head = head
        self.numeric = numeric
        self.leastFirst = leastFirst.compactMap { name in head.firstIndex(of: name) }
    }

    /// Adds a row.
    mutating func add(_ row: [Cell]) {
        var row = row
        for index in row.indices where row[index].width > ShownText.columnsMax && !isSentence(index) {
            row[index] = Cell(ShownText.clean(row[index].text), row[index].style)
        }
        rows.append(row)
    }

    /// The columns that a table may take where output goes; nil where nobody looks at a terminal.
    static var columns: Int? { Output.isTerminal ? Terminal.size.columns : nil }

    /// The table's lines, each ended by a newline, for where output goes.
    var text: String { text(columns: Table.columns) }

    /// Less room than this is not worth a column of its own, in columns.
    private static let sentenceColumnsMin = 24
    /// Names are not cut to less than this, in columns.
    private static let nameColumnsMin = 8

    /// The table's lines for a terminal of that many columns; without a number nothing is broken or left out.
    func text(columns: Int?) -> String {
        let heading = head.map { Cell($0, .dim) }
        var widths = heading.map(\.width)
        for row in rows {
            for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.width) }
        }
        let shown = kept(widths, columns: columns)
        if let columns, !leastFirst.isEmpty {
            let rest = taken(by: shown, widths) - widths[0]
            widths[0] = min(widths[0], max(Table.nameColumnsMin, columns - rest))
        }
        let indent = shown.dropLast().reduce(0) { $0 + widths[$1] + 2 }
        let room = columns.map { $0 - indent }.flatMap { $0 < Table.sentenceColumnsMin ? nil : $0 }
        var text = ""
        text.reserveCapacity((rows.count + 1) * (widths.reduce(0, +) + 2 * widths.count))
        for row in [heading] + rows {
            for index in shown where index < row.count {
                var cell = row[index]
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
                if cell.width > widths[index] {
                    cell = Cell(ShownText.clean(cell.text, columns: widths[index]), cell.style)
                }
                let blank = widths[index] - cell.width
                if numeric.contains(index) { Table.pad(&text, blank) }
                text += Table.styled(cell.text, cell.style)
                if !numeric.contains(index), index != shown.last { Table.pad(&text, blank) }
            }
            text += "\n"
        }
        return text
    }

    /// The columns that are shown in that much room. The first one always is.
    private func kept(_ widths: [Int], columns: Int?) -> [Int] {
        var shown = Array(head.indices)
        guard let columns else { return shown }
        for index in leastFirst where index > 0 && taken(by: shown, widths) > columns {
            shown.removeAll { $0 == index }
        }
        return shown
    }

    /// The room that some columns take at least.
    private func taken(by shown: [Int], _ widths: [Int]) -> Int {
        let cells = shown.reduce(0) { sum, index in
            sum + (isSentence(index) ? min(widths[index], Table.sentenceColumnsMin) : widths[index])
        }
        return cells + 2 * max(0, shown.count - 1)
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
