import CLinux
import Glibc
import Linux

/// The bytes of one certificate and its key as they were read, and what told this version of the files from others.
struct CertificateSource: Sendable {
    /// A time as the file system tells it.
    struct Moment: Equatable, Sendable {
        var seconds: Int = 0
        var nanoseconds: Int = 0
    }

    /// What changes when a file is written or replaced, or given other rights.
    struct Signature: Equatable, Sendable {
        var device: UInt = 0
        var inode: UInt = 0
        var bytes: Int = 0
        var written = Moment()
        /// Of the file or of what is known of it: rights that let it be read at last show here alone.
        var changed = Moment()
    }

    /// No certificate chain or key is larger.
    private static let bytesMax = 1 << 20

    let files: CertificateFiles
    let certificate: [UInt8]
    let key: [UInt8]

    /// Reads both files.
    init(_ files: CertificateFiles) throws(TLSFault) {
        self.files = files
        certificate = try CertificateSource.read(files.certificate, "certificate")
        key = try CertificateSource.read(files.key, "key")
    }

    /// What the files look like now; those that are not there look like nothing.
    static func signatures(of files: CertificateFiles) -> [Signature] {
        [signature(of: files.certificate), signature(of: files.key)]
    }

    private static func signature(of path: String) -> Signature {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return Signature() }
        return Signature(
            device: UInt(facts.st_dev), inode: UInt(facts.st_ino), bytes: Int(facts.st_size),
            written: Moment(seconds: facts.st_mtim.tv_sec, nanoseconds: facts.st_mtim.tv_nsec),
            changed: Moment(seconds: facts.st_ctim.tv_sec, nanoseconds: facts.st_ctim.tv_nsec))
    }

    static func read(_ path: String, _ noun: String) throws(TLSFault) -> [UInt8] {
        // Not blocking: a named pipe would hold the thread up.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw TLSFault("the \(noun) \(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { _ = close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw TLSFault("the \(noun) \(path) cannot be read: \(String(cString: strerror(errno)))")
            }
            if count == 0 { return bytes }
            bytes += piece[0..<count]
            guard bytes.count <= bytesMax else {
                throw TLSFault("the \(noun) \(path) is larger than \(bytesMax) bytes")
            }
        }
    }
}
