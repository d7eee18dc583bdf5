import Glibc
import Linux

/// The file (or pipe, or standard output) that lines go to. Used by the log's thread only.
///
/// Nothing that happens here stops the proxy: what cannot be written is dropped. A line that was written in part
/// is finished first once writing works again, so that no line is ever torn.
struct LogSink: ~Copyable {
    enum Outcome {
        case written
        /// Lines were dropped, from this byte of the batch on.
        case dropped(from: Int, SystemFault)
    }

    /// How long a pipe that takes nothing is waited for.
    private static let pipeMilliseconds: Int32 = 1_000
    private static let mode: mode_t = 0o640

    private let target: AccessLogSettings.Target
    private var descriptor: Int32 = -1
    /// The rest of a line of which the beginning was written.
    private var torn: [UInt8] = []

    init(_ target: AccessLogSettings.Target) { self.target = target }

    deinit { LogSink.close(descriptor) }

    private static func close(_ descriptor: Int32) {
        if descriptor > STDOUT_FILENO { _ = Glibc.close(descriptor) }
    }

    /// Opens the file anew: after it was renamed, lines go to a new one. The old one stays when that fails.
    mutating func reopen() -> SystemFault? {
        switch target {
        case .standardOutput:
            descriptor = STDOUT_FILENO
            return nil
        case .file(let path):
            // Without blocking: a named pipe without a reader would hold the thread.
            let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
            let fresh = open(path, flags, LogSink.mode)
            guard fresh >= 0 else { return SystemFault("open", on: path) }
            LogSink.close(descriptor)
            descriptor = fresh
            torn = []  // the line's beginning is in another file
            return nil
        }
    }

    /// Writes whole lines.
    mutating func write(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Outcome {
        if descriptor < 0, let fault = reopen() { return .dropped(from: 0, fault) }
        if !torn.isEmpty {
            let (sent, fault) = torn.withUnsafeBufferPointer { send($0.baseAddress, $0.count) }
            torn.removeFirst(sent)
            if let fault { return .dropped(from: 0, fault) }
        }
        let (sent, fault) = send(bytes, count)
        guard let fault else { return .written }
        var next = sent
        if sent > 0, bytes[sent - 1] != UInt8(ascii: "\n") {
            while next < count, bytes[next] != UInt8(ascii: "\n") { next += 1 }
            next = min(next + 1, count)
            torn = Array(UnsafeBufferPointer(start: bytes + sent, count: next - sent))
        }
        return .dropped(from: next, fault)
    }

    private func send(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> (Int, SystemFault?) {
        guard let bytes else { return (0, nil) }
        var sent = 0
        while sent < count {
            let written = Glibc.write(descriptor, bytes + sent, count - sent)
            if written > 0 {
                sent += written
            } else if written < 0, errno == EINTR {
                continue
            } else if written < 0, errno == EAGAIN, waitForPipe() {
                continue
            } else {
                let code = written < 0 ? errno : ENOSPC
                return (sent, SystemFault("write", on: name, code: code))
            }
        }
        return (sent, nil)
    }

    private func waitForPipe() -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        let ready = poll(&entry, 1, LogSink.pipeMilliseconds) > 0
        if !ready { errno = EAGAIN }
        return ready
    }

    private var name: String {
        switch target {
        case .standardOutput: "standard output"
        case .file(let path): path
        }
    }
}
