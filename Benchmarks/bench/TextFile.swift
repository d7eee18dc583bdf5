import Glibc

/// Small files: the kernel's in /proc, and the bench's own in its folder.
enum TextFile {
    /// The text of a file, nil when it cannot be read.
    static func read(_ path: String, atMost limit: Int = 64 * 1024) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { _ = close(file) }
        var bytes = [UInt8](repeating: 0, count: limit)
        var filled = 0
        while filled < limit {
            let count = bytes.withUnsafeMutableBytes { raw in
                raw.baseAddress.map { Glibc.read(file, $0 + filled, limit - filled) } ?? -1
            }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            filled += count
        }
        return String(decoding: bytes.prefix(filled), as: UTF8.self)
    }

    /// Writes a new file that only its owner can read.
    static func write(_ text: String, to path: String) throws(BenchFault) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw BenchFault("cannot write \(path): \(String(cString: strerror(errno)))") }
        defer { _ = close(file) }
        let bytes = Array(text.utf8)
        guard Glibc.write(file, bytes, bytes.count) == bytes.count else {
            throw BenchFault("cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }
}
