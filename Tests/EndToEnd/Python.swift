import Fixtures
import Glibc

/// The project's own Python, with what the browser tests need: `scripts/venv browser` makes it.
enum Python {
    static let folder = Repository.path("Tests/browser")
    static let pictures = Repository.path(".build/screenshots")
    private static let interpreter = Repository.path(".build/venvs/browser/bin/python")

    /// Why these tests are skipped where they are.
    static let need =
        "needs chromium, tmux and a Python environment; 'scripts/bootstrap test' and 'scripts/venv browser' make them"
    static let isThere = access(Python.interpreter, X_OK) == 0
    static let hasChromium =
        isThere && ["chromium", "chromium-browser", "google-chrome"].contains { find($0) != nil }
    static let hasTmux = find("tmux") != nil

    /// A script of `Tests/browser` that runs beside the test, spoken to line by line.
    final class Script {
        let child: pid_t
        private let input: Int32
        private let output: Int32
        private(set) var heard = ""

        init(_ name: String, _ arguments: [String]) throws {
            var toChild: [Int32] = [0, 0]
            var fromChild: [Int32] = [0, 0]
            guard pipe(&toChild) == 0, pipe(&fromChild) == 0 else {
                throw Program.Fault(description: "pipe")
            }
            for end in toChild + fromChild { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
            posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
            posix_spawn_file_actions_adddup2(&actions, fromChild[1], 2)
            _ = signal(SIGPIPE, SIG_IGN)  // a script that fails early must not end the whole run
            let line = [Python.interpreter, "\(Python.folder)/\(name)"] + arguments
            let words: [UnsafeMutablePointer<CChar>?] = line.map { strdup($0) } + [nil]
            defer { for word in words { free(word) } }
            var id: pid_t = 0
            let code = posix_spawn(&id, line[0], &actions, nil, words, environ)
            close(toChild[0])
            close(fromChild[1])
            input = toChild[1]
            output = fromChild[0]
            child = id
            guard code == 0 else { throw Program.Fault(description: "\(line[0]): \(code)") }
        }

        deinit {
            close(input)
            close(output)
            kill(child, SIGTERM)
            waitpid(child, nil, 0)
        }

        func tell(_ line: String) {
            let bytes = Array((line + "\n").utf8)
            _ = write(input, bytes, bytes.count)
        }

        /// The next line that begins with a word, without it; nil when the script ends before.
        func line(after word: String) -> String? {
            var line: [UInt8] = []
            while true {
                var byte: UInt8 = 0
                guard read(output, &byte, 1) == 1 else { return nil }
                heard.unicodeScalars.append(UnicodeScalar(byte))
                guard byte == 0x0A else {
                    line.append(byte)
                    continue
                }
                let text = String(decoding: line, as: UTF8.self)
                if text.hasPrefix(word) { return String(text.dropFirst(word.count)) }
                line = []
            }
        }

        /// The exit code, once it has ended; everything it said is in `heard`.
        func end() -> Int32 {
            while line(after: "\u{0}") != nil {}
            var status: Int32 = 0
            _ = waitpid(child, &status, 0)
            return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
        }
    }

    private static func find(_ program: String) -> String? {
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        return path.split(separator: ":").map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
    }
}
