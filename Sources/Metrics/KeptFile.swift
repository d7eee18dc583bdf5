import Glibc
import Linux

/// A file that stays open between samples: reading it anew costs one system call.
///
/// A class, since an optimized build (Swift 6.3.1) never closes a non-copyable struct like this in a local variable.
final class KeptFile {
    private let path: String
    private var descriptor: Descriptor
    private let wasThere: Bool
    private let comesInPieces: Bool

    /// Opens `path`; a file that is missing now is not looked for again (an older kernel has none). See
    /// `ReadBuffer.fill` for files that come in pieces.
    init(_ path: String, inPieces: Bool = false) {
        self.path = path
        comesInPieces = inPieces
        descriptor = KeptFile.open(path)
        wasThere = descriptor.raw >= 0
    }

    /// Reads the file into the buffer; false when there is nothing to be read.
    func read(into buffer: ReadBuffer) -> Bool {
        guard wasThere else { return false }
        if buffer.fill(from: descriptor.raw, inPieces: comesInPieces) { return true }
        // In containers these files belong to a program that may be started anew: the old descriptor is then dead.
        descriptor = KeptFile.open(path)
        return buffer.fill(from: descriptor.raw, inPieces: comesInPieces)
    }

    /// Reads a file that is not to be kept open; false when there is nothing to be read.
    static func readOnce(_ path: String, into buffer: ReadBuffer, inPieces: Bool = false) -> Bool {
        let file = open(path)
        return buffer.fill(from: file.raw, inPieces: inPieces)
    }

    private static func open(_ path: String) -> Descriptor {
        Descriptor(owning: Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK))
    }
}
