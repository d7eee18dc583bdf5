import Linux
import Logging

/// The copy of the server list that an agent keeps in its state folder, and with it whether a person removed this
/// host's own entry: what it starts from while Redis is gone.
struct ServerListFile: Sendable {
    /// The list, with values as in the store.
    private struct Document: Codable, Sendable {
        var generation: String?
        var servers: [String: String]
        /// What was removed, with its last value; nil in files of older agents.
        var removed: [String: String]?

        init(_ content: ServerList.Content) {
            generation = content.generation
            servers = Document.values(content.entries)
            removed = Document.values(content.removed)
        }

        var content: ServerList.Content {
            .init(
                entries: Document.entries(servers), generation: generation,
                removed: Document.entries(removed ?? [:]))
        }

        private static func values(_ entries: [SocketAddress: ServerEntry]) -> [String: String] {
            Dictionary(entries.map { ($0.key.description, $0.value.value) }) { first, _ in first }
        }

        private static func entries(_ values: [String: String]) -> [SocketAddress: ServerEntry] {
            let entries = values.compactMap { try? ServerEntry(field: $0.key, value: $0.value) }
            return Dictionary(entries.map { ($0.address, $0) }) { _, last in last }
        }
    }

    private struct RegistrationDocument: Codable, Sendable {
        var removed: Bool
    }

    /// Why the list is not on disk as it is in force; nil while it is.
    var fault: String? {
        [ServerListFile.documentName, ServerListFile.registrationName].compactMap {
            folder.writer.fault(of: $0)?.description
        }.first
    }
    private let folder: StateFolder
    private let log: Logger
    private var saved: ServerList.Content?
    private var savedRemoved: Bool?
    private var nextSave = Instant(nanoseconds: 0)

    /// How long the disk is left alone after it failed, in milliseconds.
    private static let retryMilliseconds: Int64 = 5000
    private static let documentName = "servers.json"
    private static let registrationName = "registration.json"

    /// The copy in a folder.
    init(in folder: StateFolder, log: Logger) {
        self.folder = folder
        self.log = log
    }

    /// The list that was kept last; empty when there is none. One that makes no sense is put aside.
    func list() -> ServerList {
        switch folder.read(Document.self, from: ServerListFile.documentName) {
        case .nothing: return ServerList()
        case .bad(let path):
            log.warning("server list on disk makes no sense, put aside", metadata: ["path": "\(path)"])
            return ServerList()
        case .document(let document):
            return ServerList(document.content)
        }
    }

    /// The registration that was kept last.
    func registration() -> Registration {
        switch folder.read(RegistrationDocument.self, from: ServerListFile.registrationName) {
        case .document(let document): return Registration(removed: document.removed)
        case .nothing: return Registration()
        case .bad(let path):
            log.warning("registration file makes no sense, put aside", metadata: ["path": "\(path)"])
            return Registration()
        }
    }

    /// Writes what has changed since the last writing; a disk that fails is tried again now and then.
    mutating func save(_ list: ServerList, isRemoved removed: Bool, at now: Instant) {
        let content = list.content
        let hasFailed = fault != nil
        if hasFailed, now < nextSave { return }
        nextSave = now.advanced(milliseconds: ServerListFile.retryMilliseconds)
        if content != saved || hasFailed { write(ServerListFile.documentName) { Document(content) } }
        if removed != savedRemoved || hasFailed {
            write(ServerListFile.registrationName) { RegistrationDocument(removed: removed) }
        }
        saved = content
        savedRemoved = removed
    }

    private func write<Kept: Encodable & Sendable>(_ name: String, _ document: @escaping @Sendable () -> Kept)
    {
        folder.writer.write(
            name,
            onChange: { [log] fault in
                guard let fault else { return log.notice("the server list is kept on disk again") }
                log.error(
                    "could not keep the server list on disk; trying again now and then",
                    metadata: ["why": "\(fault)"])
            },
            { [folder] () throws(SystemFault) in try folder.write(document(), as: name) })
    }
}
