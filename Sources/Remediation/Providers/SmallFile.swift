import Glibc
import Linux

/// A small file that a person has written, read whole.
enum SmallFile {
    /// The bytes of a regular file; nil when there is none, it cannot be read, or it is longer than `bytesMax`. Never
    /// waits, whatever the path names.
    static func read(_ path: String, bytesMax: Int) -> [UInt8]? {
        let raw = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard raw >= 0 else { return nil }
        let descriptor = Descriptor(owning: raw)
        var status = stat()
        guard fstat(descriptor.raw, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = Glibc.read(descriptor.raw, &chunk, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                return nil
            }
            if count == 0 { return bytes }
            guard bytes.count + count <= bytesMax else { return nil }
            bytes += chunk[..<count]
        }
    }

    /// The text of such a file without the line end after it.
    static func line(_ path: String, bytesMax: Int) -> String? {
        guard var bytes = read(path, bytesMax: bytesMax)?[...] else { return nil }
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Creates or replaces a file that only its owner may read.
    static func write(_ bytes: [UInt8], to path: String) throws(SystemFault) {
        let draft = "\(path).new"
        let raw = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard raw >= 0 else { throw SystemFault("open", on: draft) }
        try Descriptor(owning: raw).persist(bytes, as: draft)
        guard rename(draft, path) == 0 else { throw SystemFault("rename", on: draft) }
    }
}
