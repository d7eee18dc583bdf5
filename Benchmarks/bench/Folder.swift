import Glibc

/// Folders of the bench's own.
enum Folder {
    /// Makes a new folder below `$TMPDIR` or /tmp.
    static func makeTemporary(named name: String) throws(BenchFault) -> String {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var path = Array("\(parent)/\(name).XXXXXX".utf8CString)
        guard mkdtemp(&path) != nil else {
            throw BenchFault("cannot make a folder in \(parent): \(String(cString: strerror(errno)))")
        }
        return String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Makes a folder in one that exists.
    static func make(_ path: String) throws(BenchFault) {
        guard mkdir(path, 0o700) == 0 else {
            throw BenchFault("cannot make \(path): \(String(cString: strerror(errno)))")
        }
    }

    /// The names in a folder, in no order; empty when it cannot be read.
    static func names(in path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Removes a folder with all that is in it; symbolic links are removed, not followed.
    static func remove(_ path: String) {
        for name in names(in: path) {
            let inner = "\(path)/\(name)"
            var status = stat()
            guard lstat(inner, &status) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR { remove(inner) } else { unlink(inner) }
        }
        rmdir(path)
    }
}
