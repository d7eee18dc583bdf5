import Glibc
import Linux

/// Why a file that is to be read whole cannot be.
enum TextFileFault: Error, Equatable {
    case missing
    case directory
    case notRegular
    case unreadable(String)
    case tooLarge(bytesMax: Int)

    var text: String {
        switch self {
        case .missing: "no such file"
        case .directory: "is a folder; expected a file"
        case .notRegular: "is not a regular file"
        case .unreadable(let reason): "cannot be read: \(reason)"
        case .tooLarge(let bytesMax):
            "is larger than \(QuantityUnit.text(Int64(bytesMax), in: QuantityUnit.sizes))"
        }
    }
}

/// A small file, read whole.
struct TextFile {
    let bytes: [UInt8]
    /// True when every user of the machine may read it.
    let isReadableByAll: Bool

    /// Reads a regular file of at most `bytesMax`; never waits, whatever the path names.
    static func read(_ path: String, bytesMax: Int) throws(TextFileFault) -> TextFile {
        // O_NONBLOCK: the open of a named pipe without a writer would wait for ever.
        let raw = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard raw >= 0 else {
            let code = errno
            if code == ENOENT || code == ENOTDIR { throw .missing }
            throw .unreadable(SystemFault("open", code: code).reason)
        }
        let descriptor = Descriptor(owning: raw)
        var status = stat()
        guard fstat(descriptor.raw, &status) == 0 else {
            throw .unreadable(SystemFault("fstat").reason)
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw .directory
        default: throw .notRegular
        }
        return TextFile(
            bytes: try contents(of: descriptor, bytesMax: bytesMax),
            isReadableByAll: status.st_mode & S_IROTH != 0)
    }

    private static func contents(
        of descriptor: borrowing Descriptor, bytesMax: Int
    ) throws(TextFileFault) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = Glibc.read(descriptor.raw, &chunk, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .unreadable(SystemFault("read").reason)
            }
            if count == 0 { return bytes }
            guard bytes.count + count <= bytesMax else { throw .tooLarge(bytesMax: bytesMax) }
            bytes += chunk[..<count]
        }
    }
}

/// The offset of the first byte that is not UTF-8; nil when all is.
func firstInvalidUTF8(in bytes: [UInt8]) -> Int? {
    // The span's own check is exact (no overlong forms, no surrogates) and names the place.
    do throws(UTF8.ValidationError) {
        _ = try UTF8Span(validating: bytes.span)
        return nil
    } catch {
        return error.byteOffsets.lowerBound
    }
}
