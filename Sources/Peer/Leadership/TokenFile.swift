package import Election
import Glibc
import Linux
import Metrics

/// The lease that this host's agent holds, on disk, with the process that holds it: what `troop resign` gives up once that
/// process is gone.
package struct TokenFile: Sendable {
    private struct Document: Codable, Sendable {
        var token: String
        var pid: Int32
        /// When the process started, in the kernel's ticks since boot: tells it from a later one with its number.
        var started: UInt64
        var bootID: String
    }

    /// What the file says.
    package enum Holding: Sendable, Equatable {
        case nothing
        /// The process that held it runs still.
        case alive(Lease, pid: Int32)
        /// The process that held it is gone: proof that it does not lead any more.
        case dead(Lease)
    }

    static let name = "lease.json"
    private let folder: StateFolder
    /// Writes it for who must not wait for the disk.
    var writer: StateWriter { folder.writer }

    /// The file in a state folder.
    package init(_ folder: StateFolder) { self.folder = folder }

    /// Notes that this process holds a token.
    func keep(_ token: String) throws(SystemFault) {
        let id = getpid()
        try folder.write(
            Document(
                token: token, pid: id, started: TokenFile.startTime(of: id) ?? 0, bootID: BootID.read() ?? ""),
            as: TokenFile.name)
    }

    /// Notes that this process holds none; what another process noted stays.
    func forget() {
        if case .document(let document) = folder.read(Document.self, from: TokenFile.name),
            document.pid == getpid()
        {
            folder.remove(TokenFile.name)
        }
    }

    /// What the file says now.
    package var holding: Holding {
        guard case .document(let document) = folder.read(Document.self, from: TokenFile.name),
            let lease = Lease(token: document.token)
        else { return .nothing }
        let isSameBoot = document.bootID == BootID.read() ?? ""
        if isSameBoot, let started = TokenFile.startTime(of: document.pid), started == document.started {
            return .alive(lease, pid: document.pid)
        }
        return .dead(lease)
    }

    /// Removes the file after its token was resigned.
    package func remove() { folder.remove(TokenFile.name) }

    /// The start time of a process that runs (proc(5), field 22 of `stat`); nil when there is none, or only its remains.
    private static func startTime(of id: Int32) -> UInt64? {
        guard id > 0, let file = try? TextFile.read("/proc/\(id)/stat", bytesMax: 4096) else { return nil }
        let text = String(decoding: file.bytes, as: UTF8.self)
        // The name of the program may hold anything, a bracket too; the last one ends it.
        guard let bracket = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: bracket)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
        return UInt64(fields[19])
    }
}
