/// Why an agent does not start: every fault that was found, a line each, in the order of the file.
package struct ConfigurationFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// The faults that are told at most; a file that is wrong throughout needs no more.
    package static let linesMax = 50

    /// One line a fault: `file:line:column: dotted.key: what is wrong and what was expected`.
    package let lines: [String]

    package var description: String { lines.joined(separator: "\n") }
}

/// Where a value came from.
enum ValuePlace: Hashable, Sendable {
    case file(YAMLMark)
    case environment(String)
}

/// The faults found so far, with their places.
struct FaultList {
    private struct Fault {
        let place: ValuePlace?
        let text: String
    }

    private let file: String
    private var faults: [Fault] = []
    private var dropped = 0

    init(file: String) { self.file = file }

    /// True once nothing more is listed, so that finding suggestions is no longer worth its time.
    var isFull: Bool { faults.count >= ConfigurationFault.linesMax }

    /// Notes that `key` is wrong; a nil place means the file as a whole.
    mutating func add(_ place: ValuePlace?, _ key: String, _ text: String) {
        guard !isFull else {
            dropped += 1
            return
        }
        faults.append(Fault(place: place, text: key.isEmpty ? text : "\(key): \(text)"))
    }

    /// Throws when there is any fault.
    func throwIfAny() throws(ConfigurationFault) {
        if faults.isEmpty { return }
        let sorted = faults.enumerated().sorted { left, right in
            let (leftRank, rightRank) = (rank(left.element.place), rank(right.element.place))
            return leftRank == rightRank ? left.offset < right.offset : leftRank < rightRank
        }
        var lines = sorted.map { line($0.element.place, $0.element.text) }
        if dropped > 0 { lines.append("\(file): and \(dropped) more") }
        throw ConfigurationFault(lines: lines)
    }

    /// One line in the form that all faults and warnings have.
    func line(_ place: ValuePlace?, _ text: String) -> String {
        switch place {
        case .file(let mark): "\(file):\(mark.line):\(mark.column): \(text)"
        case .environment(let name): "environment:\(name): \(text)"
        case nil: "\(file): \(text)"
        }
    }

    private func rank(_ place: ValuePlace?) -> YAMLMark {
        switch place {
        case nil: YAMLMark(line: 0, column: 0)
        case .file(let mark): mark
        case .environment: YAMLMark(line: .max, column: .max)
        }
    }
}
