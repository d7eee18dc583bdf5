import Glibc

/// A file descriptor with one owner, closed when the owner ends.
package struct Descriptor: ~Copyable {
    /// The number, for system calls while the owner lives.
    package let raw: Int32

    /// Takes ownership of an open descriptor.
    package init(owning raw: Int32) { self.raw = raw }

    deinit { _ = close(raw) }

    /// Writes all of a file's bytes, and sees them on the disk; errors name the file by `path`.
    package func persist(_ bytes: [UInt8], as path: String) throws(SystemFault) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(raw, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemFault("write", on: path)
            }
            rest = rest.dropFirst(count)
        }
        guard fsync(raw) == 0 else { throw SystemFault("fsync", on: path) }
    }

    /// Gives the number away; the caller closes it.
    package consuming func release() -> Int32 {
        let raw = raw
        discard self
        return raw
    }
}
