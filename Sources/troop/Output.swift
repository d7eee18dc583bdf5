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

    /// Why nothing can be written any more, as errno has it; 0 while all is well.
    private static let fault = Atomic<Int32>(0)

    /// True once a write failed, as when the reader has gone (a closed pipe): whoever goes on and on must end.
    static var isBroken: Bool { fault.load(ordering: .relaxed) != 0 }

    /// Whether a person looks at it.
    static let isTerminal = isatty(STDOUT_FILENO) == 1

    /// Gives the numbers of closed standard streams away, or a socket would get one and be written to as output.
    static func reserveNumbers() {
        for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(stream, F_GETFD) < 0 {
            // Open the other way around, so that its use fails as that of a closed one does.
            _ = open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }

    /// Writes a text as it is; after a failure, which `hasArrived` tells, nothing more.
    static func write(_ text: String) {
        guard !isBroken else { return }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            guard count < 0 else {
                bytes = bytes.dropFirst(count)
                continue
            }
            switch errno {
            case EINTR: break
            case EAGAIN:  // somebody who shares it does not want to wait
                var watched = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
                _ = poll(&watched, 1, -1)
            case let error: return fault.store(error, ordering: .relaxed)
            }
        }
    }

    /// Whether all that was written has arrived; if not, standard error says why. A reader who has seen enough and
    /// closed the pipe is no fault.
    static func hasArrived() -> Bool {
        if !isBroken {
            // A file server says only at the closing what it could not keep.
            let copy = dup(STDOUT_FILENO)
            if copy >= 0, close(copy) != 0, errno != EINTR { fault.store(errno, ordering: .relaxed) }
        }
        let error = fault.load(ordering: .relaxed)
        guard error != 0, error != EPIPE else { return true }
        ExitStatus.complain("cannot write to standard output: \(String(cString: strerror(error)))")
        return false
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
