import Glibc

/// What the access log says of a load's requests, read as it grows.
final class AccessBook {
    /// The line of one exchange that did not end well.
    struct Line: CustomStringConvertible {
        /// The request's number in its load; nil for one that is of no load.
        let number: Int?
        let end: String
        let server: String
        /// The request went over a connection that had served before.
        let isKept: Bool
        let description: String
    }

    private let path: String
    private var offset = 0
    private var rest: [UInt8] = []
    /// The exchanges that ended well.
    private(set) var done = 0
    private(set) var failed: [Line] = []

    init(_ path: String) { self.path = path }

    /// Reads what has been written since.
    func read() {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = pread(descriptor, &chunk, chunk.count, off_t(offset))
            guard count > 0 else { break }
            offset += count
            rest += chunk[..<count]
        }
        var lines = rest.split(separator: 10, omittingEmptySubsequences: false)
        rest = lines.popLast().map(Array.init) ?? []
        for line in lines { take(String(decoding: line, as: UTF8.self)) }
    }

    /// The line of a request that failed.
    func line(of number: Int) -> Line? { failed.first { $0.number == number } }

    /// The numbers of all that failed; −1 stands for a request of no load.
    var lost: Set<Int> { Set(failed.map { $0.number ?? -1 }) }

    private func take(_ line: String) {
        var values: [Substring: Substring] = [:]
        for word in line.split(separator: " ") {
            guard let equals = word.firstIndex(of: "=") else { continue }
            values[word[..<equals]] = word[word.index(after: equals)...]
        }
        guard let end = values["end"], end != "done" else {
            done += 1
            return
        }
        let number = values["target"].flatMap { target in
            target.firstRange(of: "?n=").flatMap { Int(target[$0.upperBound...].prefix { $0.isNumber }) }
        }
        failed.append(
            Line(
                number: number, end: String(end), server: String(values["server"] ?? ""),
                isKept: values["connect_us"] == "0", description: line))
    }
}

/// What is being done to a troop while its clients go on, and which losses that explains.
enum Disturbance {
    /// Nothing that may cost a request.
    case none
    /// This server ends while it may have requests, or breaks its answers off.
    case ended(server: String)
    /// This server hangs.
    case hung(server: String)

    /// Why a request may not have failed so; nil when it may.
    func objection(to line: AccessBook.Line, of request: LoadRequest) -> String? {
        switch self {
        case .none: return "nothing was wrong"
        case .hung(let server):
            guard line.server == server else { return "another server hung" }
            return line.end == "timeout_first_byte" ? nil : "a server that hangs does nothing else"
        case .ended(let server):
            guard line.server == server else { return "another server ended" }
            switch line.end {
            // It had begun to answer.
            case "server_cut": return nil
            // On a kept connection that is nobody's fault, and who may be sent again is.
            case "server_closed":
                return line.isKept && request.isRepeatable ? "it was to be sent once more" : nil
            default: return "an end does not show so"
            }
        }
    }
}
