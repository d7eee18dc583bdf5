import Glibc
import Linux
import Synchronization

/// What this agent was left by the one that started it: listening sockets, checked before they are used, and the line
/// to the predecessor.
package final class Inheritance: Sendable {
    private struct State {
        var note: HandoverNote
        var complaints: [String] = []
    }

    /// The predecessor, a process id.
    package let predecessor: Int32
    private let control: Int32
    private let state: Mutex<State>

    /// How long the predecessor may take for its next step, in milliseconds.
    private static let cueMilliseconds: Int64 = 10_000

    private init(_ note: HandoverNote) {
        predecessor = note.parent
        control = note.control
        state = Mutex(State(note: note))
    }

    deinit {
        for descriptor in state.withLock({ $0.note.descriptors }) { _ = close(descriptor) }
    }

    /// True while the predecessor has not ended: it keeps the connections that it had.
    var predecessorLives: Bool { getppid() == predecessor }

    /// Takes the note out of the environment, where nobody else is to find it; nil when there is none, or none for this
    /// process. To be called before the first thread starts.
    package static func take() -> Inheritance? {
        guard let value = getenv(HandoverNote.variable) else { return nil }
        let bytes = Array(String(cString: value).utf8)
        unsetenv(HandoverNote.variable)
        guard bytes.count <= HandoverNote.bytesMax,
            let note = try? JSONForm.document(HandoverNote.self, from: bytes), note.parent == getppid(),
            Set(note.descriptors).count == note.descriptors.count, note.descriptors.allSatisfy(isSocket)
        else { return nil }
        for descriptor in note.descriptors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        return Inheritance(note)
    }

    /// The TCP sockets that were left under a name and listen at this address; the caller owns them. Others are closed
    /// and told of in `complaints`.
    func claim(_ name: HandoverNote.Name, at address: SocketAddress) -> [Int32] {
        claim(name, "\(address)") { descriptor in
            var storage = sockaddr_storage()
            guard Inheritance.name(of: descriptor, &storage) else { return false }
            return SocketAddress(storage) == address
        }
    }

    /// The unix socket that was left and listens at this path; the caller owns it.
    func claim(_ name: HandoverNote.Name, path: String) -> Int32? {
        let found = claim(name, path) { descriptor in
            var storage = sockaddr_storage()
            guard Inheritance.name(of: descriptor, &storage), Int32(storage.ss_family) == AF_UNIX else {
                return false
            }
            let bound = withUnsafeBytes(of: &storage) { raw in
                raw.dropFirst(MemoryLayout<sa_family_t>.size).prefix { $0 != 0 }.map { $0 }
            }
            // A file that was removed or replaced leads nobody to this socket.
            var status = stat()
            return bound == Array(path.utf8) && lstat(path, &status) == 0
                && status.st_mode & S_IFMT == S_IFSOCK
        }
        for surplus in found.dropFirst() { _ = close(surplus) }
        return found.first
    }

    /// Closes the sockets that nobody claimed: a client that connects there would wait for ever.
    func closeUnclaimed() {
        let left = state.withLock { state in
            let left = state.note.listeners.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }
            state.note.listeners = [:]
            state.complaints += left.map { name, sockets in
                "\(name): \(sockets.count) inherited sockets have no use in this configuration; they are closed"
            }
            return left
        }
        for descriptor in left.flatMap({ $0.value }) { _ = close(descriptor) }
    }

    /// What could not be used, one line each.
    package var complaints: [String] { state.withLock { $0.complaints } }

    /// Tells the predecessor that everything is ready, for so many servers.
    func tellReady(servers: Int) { tell(SuccessorWord(version: Version.text, servers: servers)) }

    /// Tells the predecessor why this program will not follow it.
    package func refuse(_ why: String) {
        tell(SuccessorWord(version: Version.text, servers: 0, fault: why))
    }

    /// Waits for the predecessor's next word; false when it is gone or says nothing in time.
    func hears(_ cue: Cue) async -> Bool {
        let deadline = Instant.now().advanced(milliseconds: Inheritance.cueMilliseconds)
        return await ControlLine.blocking(named: "troop-upgrade") { [control] in
            ControlLine.read(from: control, until: deadline) == cue.rawValue
        }
    }

    private func tell(_ word: SuccessorWord) {
        guard let bytes = JSONForm.bytes(word) else { return }
        ControlLine.write(String(decoding: bytes, as: UTF8.self), to: control)
    }

    private func claim(
        _ name: HandoverNote.Name, _ place: String, where fits: (Int32) -> Bool
    ) -> [Int32] {
        let sockets = state.withLock { state in
            let sockets = state.note.sockets(name)
            state.note.listeners[name.rawValue] = nil
            return sockets
        }
        let good = sockets.filter { Inheritance.listens($0) && fits($0) }
        for descriptor in sockets where !good.contains(descriptor) { _ = close(descriptor) }
        if good.count < sockets.count {
            state.withLock {
                $0.complaints.append(
                    "\(name.rawValue): \(sockets.count - good.count) inherited sockets do not listen at \(place); it is opened anew"
                )
            }
        }
        return good
    }

    private static func isSocket(_ descriptor: Int32) -> Bool {
        var status = stat()
        return descriptor > STDERR_FILENO && fstat(descriptor, &status) == 0
            && status.st_mode & S_IFMT == S_IFSOCK
    }

    private static func listens(_ descriptor: Int32) -> Bool {
        var answer: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &answer, &length) == 0 && answer == 1
    }

    private static func name(of descriptor: Int32, _ storage: inout sockaddr_storage) -> Bool {
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        } == 0
    }
}
