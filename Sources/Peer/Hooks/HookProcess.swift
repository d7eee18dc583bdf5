import CLinux
import Glibc
import Linux

/// One program that is run to its end in a process group of its own, for a limited time; the caller's thread waits.
enum HookProcess {
    /// How a program ended.
    enum End: Sendable, Equatable {
        case done
        case unstartable(String)
        case failed(String, tail: String)
        /// It took longer than it may; everything in its group was ended.
        case late(tail: String)
    }

    /// What of its output is kept, in bytes.
    private static let tailBytesMax = 512
    /// From SIGTERM to SIGKILL, in milliseconds.
    static let graceMilliseconds: Int64 = 2000
    private static let pollMilliseconds: Int32 = 20

    /// Runs a program with these variables added to a plain environment.
    static func run(
        _ command: [String], _ variables: [(name: String, value: String)], within milliseconds: Int64
    ) -> End {
        var ends: [Int32] = [-1, -1]
        guard let program = command.first, clinux_output_pipe(&ends) == 0 else {
            return .unstartable("no pipe: \(String(cString: strerror(errno)))")
        }
        let output = Descriptor(owning: ends[0])
        var id: pid_t = 0
        let code = spawn(command, variables, output: ends[1], &id)
        _ = close(ends[1])
        guard code == 0 else { return .unstartable("\(program): \(String(cString: strerror(code)))") }
        return watch(id, output.raw, until: Instant.now().advanced(milliseconds: milliseconds))
    }

    private static func watch(_ id: pid_t, _ output: Int32, until deadline: Instant) -> End {
        var tail: [UInt8] = []
        var killAt: Instant?
        var isLate = false
        while true {
            drain(output, into: &tail)
            var status: Int32 = 0
            let ended = waitpid(id, &status, WNOHANG)
            if ended < 0, errno == ECHILD {
                // Who inherited SIGCHLD ignored never learns how its children end; this one has.
                let text = clean(tail)
                return isLate ? .late(tail: text) : .failed("nobody knows how it ended", tail: text)
            }
            if ended == id {
                // What it started and left behind goes, too: the next hook must find nothing of this one at work.
                _ = kill(-id, SIGKILL)
                drain(output, into: &tail)
                let text = clean(tail)
                if isLate { return .late(tail: text) }
                if status == 0 { return .done }
                let signal = status & 0x7f
                let how = signal == 0 ? "exit code \((status >> 8) & 0xff)" : "killed by signal \(signal)"
                return .failed(how, tail: text)
            }
            let now = Instant.now()
            if !isLate, now >= deadline {
                isLate = true
                killAt = now.advanced(milliseconds: graceMilliseconds)
                _ = kill(-id, SIGTERM)
            }
            if let at = killAt, now >= at {
                killAt = nil
                _ = kill(-id, SIGKILL)
            }
            var entry = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            // A closed pipe would end the sleep at once, each time.
            if poll(&entry, 1, pollMilliseconds) > 0, entry.revents & Int16(POLLIN) == 0 {
                usleep(UInt32(pollMilliseconds) * 1000)
            }
        }
    }

    private static func drain(_ output: Int32, into tail: inout [UInt8]) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        for _ in 0..<64 {  // a program that never stops talking must not hold its own deadline up
            let count = read(output, &buffer, buffer.count)
            guard count > 0 else { return }
            tail = Array((tail + buffer[..<count]).suffix(tailBytesMax))
        }
    }

    private static func clean(_ bytes: [UInt8]) -> String {
        var text = ""
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            text.unicodeScalars.append(scalar.properties.generalCategory == .control ? " " : scalar)
        }
        return text.split(separator: " ").joined(separator: " ")
    }

    private static func spawn(
        _ command: [String], _ variables: [(name: String, value: String)], output: Int32, _ id: inout pid_t
    ) -> Int32 {
        var environment = [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
        ]
        for name in ["HOME", "USER"] {
            if let value = getenv(name) { environment.append("\(name)=\(String(cString: value))") }
        }
        environment += variables.map { "\($0.name)=\($0.value)" }
        var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        var settings: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
        defer { for word in words + settings { free(word) } }
        let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard nothing >= 0 else { return errno }
        defer { _ = close(nothing) }
        return clinux_spawn_session(&id, words[0], &words, &settings, nil, nothing, output, output)
    }
}
