import Glibc

/// The one buffer that all files are read into.
final class ReadBuffer {
    /// The buffer's size at first: /proc/stat of some hundred CPUs.
    static let bytesAtFirst = 64 * 1024
    /// The size it may grow to.
    static let bytesMax = 4 * 1024 * 1024

    private var storage: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init() {
        storage = .allocate(byteCount: ReadBuffer.bytesAtFirst, alignment: 16)
    }

    deinit { storage.deallocate() }

    /// Reads a whole file from its beginning; false when it cannot be read. A file that does not fit enlarges the
    /// buffer for good; what is beyond the limit is left out. A file `inPieces` gives a page at a time and is read until
    /// it gives nothing: those of /proc with a record for each device or mount.
    func fill(from descriptor: Int32, inPieces: Bool = false) -> Bool {
        count = 0
        guard descriptor >= 0 else { return false }
        while true {
            let room = storage.count - count
            let got = pread(descriptor, storage.baseAddress?.advanced(by: count), room, off_t(count))
            if got < 0 {
                if errno == EINTR { continue }
                count = 0
                return false
            }
            count += got
            // The files of /proc give all they have at once: less than asked for is the end.
            if got == 0 || got < room && !inPieces { return true }
            if count < storage.count { continue }
            guard storage.count < ReadBuffer.bytesMax else { return true }
            grow()
        }
    }

    /// Forgets what was read.
    func clear() { count = 0 }

    /// Calls `body` with what the last `fill` read.
    func withBytes<Value>(_ body: (Span<UInt8>) -> Value) -> Value {
        // The type's own span cannot leave a class property; a buffer over the same memory can give one.
        let read = UnsafeRawBufferPointer(rebasing: storage[..<count])
        return read.withMemoryRebound(to: UInt8.self) { body($0.span) }
    }

    private func grow() {
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: storage.count * 2, alignment: 16)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[..<count]))
        storage.deallocate()
        storage = larger
    }
}
