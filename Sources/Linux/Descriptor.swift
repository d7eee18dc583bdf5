import Glibc

/// A file descriptor with one owner, closed when the owner ends.
package struct Descriptor: ~Copyable {
    /// The number, for system calls while the owner lives.
    package let raw: Int32

    /// Takes ownership of an open descriptor.
    package init(owning raw: Int32) { self.raw = raw }

    deinit { _ = close(raw) }

    /// Gives the number away; the caller closes it.
    package consuming func release() -> Int32 {
        let raw = raw
        discard self
        return raw
    }
}
