import Glibc
import Linux

/// A demo's temporary folder. A lock on a file in it says that the demo lives: the kernel drops the lock with the
/// process, so that the folders of demos that were killed are known for sure, reboots and reused process ids
/// included.
final class DemoFolder: Sendable {
    let path: String
    private let lock: Int32

    private static let prefix = "troop-demo-"
    /// What `mkdtemp` puts for its six X.
    private static let suffixBytes = 6
    private static let lockName = "demo.lock"

    /// Makes a folder, locked.
    init(in temporary: String) throws(SystemFault) {
        var template = Array("\(temporary)/\(DemoFolder.prefix)XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemFault("mkdtemp", on: temporary) }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.path = path
        // Under another name until it is locked: nobody may find it unlocked while this demo lives.
        let fresh = "\(path)/\(DemoFolder.lockName).new"
        lock = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0,
            rename(fresh, "\(path)/\(DemoFolder.lockName)") == 0
        else {
            let fault = SystemFault("open", on: fresh)
            DemoFolder.removeTree(path)
            throw fault
        }
        let line = Array("\(getpid())\n".utf8)  // for people; the lock is what counts
        _ = write(lock, line, line.count)
    }

    deinit { if lock >= 0 { close(lock) } }

    /// Removes the folder and everything in it.
    func remove() { DemoFolder.removeTree(path) }

    /// Removes the folders that demos of this user left when they were killed, and touches nothing else.
    static func clearDead(in temporary: String) {
        guard let directory = opendir(temporary) else { return }
        defer { closedir(directory) }
        for name in names(in: directory)
        where name.hasPrefix(prefix) && name.utf8.count == prefix.utf8.count + suffixBytes {
            let path = "\(temporary)/\(name)"
            guard isOurs(path, kind: S_IFDIR, mode: 0o700),
                isOurs("\(path)/\(lockName)", kind: S_IFREG, mode: 0o600)
            else { continue }
            let raw = open("\(path)/\(lockName)", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
            guard raw >= 0 else { continue }
            let descriptor = Descriptor(owning: raw)
            if flock(descriptor.raw, LOCK_EX | LOCK_NB) == 0 { removeTree(path) }
        }
    }

    private static func isOurs(_ path: String, kind: mode_t, mode: mode_t) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_uid == geteuid() && status.st_mode & S_IFMT == kind
            && status.st_mode & 0o777 == mode
    }

    private static func names(in directory: OpaquePointer) -> [String] {
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    private static func removeTree(_ path: String) {
        if let directory = opendir(path) {
            let names = names(in: directory)
            closedir(directory)
            // The lock last: who is killed in between leaves a folder that is still known for what it is.
            for name in names.filter({ $0 != lockName }) + [lockName] {
                let child = "\(path)/\(name)"
                if unlink(child) != 0, errno == EISDIR || errno == EPERM { removeTree(child) }
            }
        }
        rmdir(path)
    }
}
