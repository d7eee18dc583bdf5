/// A Redis stream: entries under rising ids.
package struct StreamModel: Sendable, Equatable {
    /// The id of an entry: milliseconds, and a number within one.
    package struct ID: Sendable, Comparable, CustomStringConvertible {
        package var milliseconds: Int64
        package var number: Int64

        package var description: String { "\(milliseconds)-\(number)" }

        /// An id from its parts.
        package init(_ milliseconds: Int64, _ number: Int64) {
            self.milliseconds = milliseconds
            self.number = number
        }

        /// Reads `123-4`; nil for anything else.
        package init?(_ text: String) {
            let parts = text.split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count == 2, let left = Int64(parts[0]), let right = Int64(parts[1]) else {
                return nil
            }
            self.init(left, right)
        }

        package static func < (left: ID, right: ID) -> Bool {
            (left.milliseconds, left.number) < (right.milliseconds, right.number)
        }
    }

    /// One entry: its id, and names and values in their order.
    package struct Entry: Sendable, Equatable {
        package var id: ID
        package var names: [String]
        package var values: [String]

        /// The value of a name; the last one where a name is there twice, as in the scripts.
        package subscript(_ name: String) -> String? {
            names.lastIndex(of: name).map { values[$0] }
        }
    }

    /// More entries than the scripts keep; what Redis keeps beyond them is of no concern to any script.
    private static let lengthMax = 1000
    private static let lengthSlack = 500

    package private(set) var entries: [Entry] = []
    private var last = ID(0, 0)

    /// `XADD … *`: the id never falls behind the last one, whatever the clock does.
    mutating func append(_ pairs: [(String, String)], clock: Int64) {
        last = clock > last.milliseconds ? ID(clock, 0) : ID(last.milliseconds, last.number + 1)
        entries.append(Entry(id: last, names: pairs.map(\.0), values: pairs.map(\.1)))
        if entries.count > StreamModel.lengthMax + StreamModel.lengthSlack {
            entries.removeFirst(StreamModel.lengthSlack)
        }
    }

    /// `XRANGE … (id + COUNT 1`.
    package func first(after id: ID) -> Entry? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].id > id { high = middle } else { low = middle + 1 }
        }
        return low < entries.count ? entries[low] : nil
    }
}
