import Glibc

/// A line for the shell.
enum Shell {
    /// Starts it and returns its process, which the caller waits for.
    static func start(_ line: String) throws -> pid_t {
        let words: [String] = ["sh", "-c", line]
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for word in arguments { free(word) } }
        var child: pid_t = 0
        guard posix_spawn(&child, "/bin/sh", nil, nil, arguments, environ) == 0 else {
            throw Program.Fault(description: "cannot start a shell")
        }
        return child
    }

    /// Whether a program is installed.
    static func has(_ program: String) -> Bool {
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        return path.split(separator: ":").contains { access("\($0)/\(program)", X_OK) == 0 }
    }
}
