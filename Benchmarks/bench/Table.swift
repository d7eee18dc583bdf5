/// A table of text: the first column to the left, the others to the right.
struct Table {
    private var rows: [[String]]

    /// A table with its heading.
    init(_ heading: [String]) { rows = [heading] }

    /// Adds a row.
    mutating func add(_ row: [String]) { rows.append(row) }

    /// The lines, columns two spaces apart.
    var text: String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            row.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + padding : padding + cell
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
