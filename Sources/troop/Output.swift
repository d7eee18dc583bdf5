import ArgumentParser
import Glibc
import Peer
import Synchronization

/// How a command prints.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table, json
}

/// Options of every command that prints a document.
struct OutputOptions: ParsableArguments {
    @Option(name: [.short, .long], help: "table or json.")
    var output: OutputFormat = .table
}

/// Standard output, decorated only where a person looks at it.
enum Output {
    /// Whether colours may be used: a terminal that knows them, and NO_COLOR is empty or not set.
    static let isDecorated = Terminal.canPlace && (getenv("NO_COLOR").map { $0.pointee == 0 } ?? true)

    private static let broken = Atomic(false)

    /// True once the reader has gone (a closed pipe): whoever goes on and on must end.
    static var isBroken: Bool { broken.load(ordering: .relaxed) }

    /// Whether a person looks at it.
    static let isTerminal = isatty(STDOUT_FILENO) == 1

    /// Writes a text as it is.
    static func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno != EINTR { return broken.store(true, ordering: .relaxed) }
            bytes = bytes.dropFirst(max(0, count))
        }
    }

    /// Writes one line.
    static func line(_ text: String) { write(text + "\n") }

    /// Writes a document as JSON.
    static func json(_ document: some Encodable) {
        guard let bytes = JSONForm.bytes(document, pretty: true) else { return }
        line(String(decoding: bytes, as: UTF8.self))
    }

    /// A style of a few words.
    enum Style: String {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
    }

    /// The text in a style, where output is decorated.
    static func styled(_ text: String, _ style: Style) -> String {
        isDecorated ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }
}
