import FoundationEssentials
import Glibc
package import Linux

/// The folder for what must survive a restart of the agent (`state:`): the server list, the highest epoch, and
/// whether a person removed this host's own entry.
///
/// Each document is one JSON file, replaced by rename after an fsync, so that a crash or a full disk leaves the
/// old one. A file that cannot be read or makes no sense is put aside as `<name>.bad` and reported, never trusted.
package struct StateFolder: Sendable {
    /// The folder's path.
    package let path: String
    /// Writes to the folder for who must not wait for the disk.
    package let writer = StateWriter()

    /// Larger files are not read, in bytes.
    private static let fileBytesMax = 64 * 1024 * 1024

    /// Opens the folder, making it (mode 0750) where it is missing; throws when it cannot be written to.
    package init(path: String) throws(SystemFault) {
        self.path = path
        try make()
        guard access(path, W_OK | X_OK) == 0 else { throw SystemFault("write to the state folder", on: path) }
    }

    private func make() throws(SystemFault) {
        var made = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            made += (made.isEmpty && part.isEmpty) ? "/" : (made.isEmpty || made == "/" ? "" : "/") + part
            if made.isEmpty || made == "/" { continue }
            if mkdir(made, 0o750) != 0, errno != EEXIST { throw SystemFault("mkdir", on: made) }
        }
    }

    /// Replaces the document `name`; a folder that was deleted meanwhile is made again. Throws what the system
    /// refused, and leaves the old document and no half-written one.
    package func write(_ document: some Encodable, as name: String) throws(SystemFault) {
        let file = "\(path)/\(name)"
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(document) else {
            throw SystemFault("encode", on: file, code: EINVAL)
        }
        let draft = "\(file).new"
        do throws(SystemFault) {
            try write(Array(data), draft: draft)
            guard rename(draft, file) == 0 else { throw SystemFault("rename", on: draft) }
        } catch {
            _ = unlink(draft)
            throw error
        }
        try sync()
    }

    /// The new name itself is on disk only once the folder is.
    private func sync() throws(SystemFault) {
        let raw = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard raw >= 0 else { throw SystemFault("open", on: path) }
        let descriptor = Descriptor(owning: raw)
        // Some filesystems cannot do that to a folder, and say so.
        guard fsync(descriptor.raw) == 0 || [EINVAL, EOPNOTSUPP, ENOSYS].contains(errno) else {
            throw SystemFault("fsync", on: path)
        }
    }

    private func write(_ bytes: [UInt8], draft: String) throws(SystemFault) {
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
        var raw = open(draft, flags, 0o640)
        if raw < 0, errno == ENOENT {
            try make()
            raw = open(draft, flags, 0o640)
        }
        guard raw >= 0 else { throw SystemFault("open", on: draft) }
        try Descriptor(owning: raw).persist(bytes, as: draft)
    }

    /// Removes the document `name`; one that is not there is gone already.
    package func remove(_ name: String) { _ = unlink("\(path)/\(name)") }

    /// What reading a document gave.
    package enum Found<Document: Sendable>: Sendable {
        case document(Document)
        /// There is no such file yet.
        case nothing
        /// The file is no such document; it was put aside under this path.
        case bad(String)
    }

    /// Reads the document `name`.
    package func read<Document: Decodable & Sendable>(
        _ type: Document.Type, from name: String
    ) -> Found<Document> {
        let file = "\(path)/\(name)"
        var status = stat()
        guard stat(file, &status) == 0 else { return errno == ENOENT ? .nothing : .bad(file) }
        if status.st_size <= StateFolder.fileBytesMax, let data = try? Data(contentsOf: URL(filePath: file)),
            let document = try? JSONDecoder().decode(type, from: data)
        {
            return .document(document)
        }
        let aside = "\(file).bad"
        _ = rename(file, aside)
        return .bad(aside)
    }
}
