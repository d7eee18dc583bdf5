import CLinux
import Glibc
import Linux

/// Lines over the control socket between an agent and its successor; blocking, for threads of their own.
enum ControlLine {
    /// A longer line is no line of ours, in bytes.
    private static let bytesMax = 4096

    /// Writes one line; a peer that is gone is noticed at the next read.
    static func write(_ text: String, to descriptor: Int32) {
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        let bytes = Array(line.utf8.prefix(bytesMax - 1)) + [UInt8(ascii: "\n")]
        _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
    }

    /// Reads one line, byte by byte since there are few; nil at the end, at the deadline, or for what is no line.
    static func read(from descriptor: Int32, until deadline: Instant) -> String? {
        var bytes: [UInt8] = []
        while bytes.count < bytesMax {
            let left = deadline.milliseconds(since: .now())
            guard left > 0 else { return nil }
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, Int32(clamping: left)) > 0 else {
                if errno == EINTR { continue }
                return nil
            }
            var byte: UInt8 = 0
            guard recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT)) == 1 else { return nil }
            if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
        return nil
    }

    /// Runs something that blocks on a thread of its own, away from Swift's pool.
    static func blocking<Value: Sendable>(
        named name: String, _ body: @escaping @Sendable () -> Value
    ) async -> Value {
        await withCheckedContinuation { continuation in
            do {
                try Thread.start(named: name) { continuation.resume(returning: body()) }.detach()
            } catch {
                continuation.resume(returning: body())  // no thread to be had: better late than never
            }
        }
    }
}
