import Glibc
import Linux
import Metrics

/// What tells one run of a host from the next: the boot id, or what stands for it where a "host" is less than a machine.
package enum BootMark: Sendable {
    /// The kernel's boot id.
    case kernel
    /// The first line of a file, which whoever boots the host writes anew.
    case file(String)
    /// The process whose tree is measured: it dies and comes again with the "host".
    case process(pidFile: String)

    private static let lengthMax = 64

    /// The mark as it is now; nil when it cannot be told.
    package func read() -> String? {
        switch self {
        case .kernel: return BootID.read()
        case .file(let path): return BootMark.line(of: path)
        case .process(let pidFile):
            // The number alone may come again; with the time of its start it does not.
            guard let id = BootMark.line(of: pidFile), Int32(id) != nil,
                let stat = BootMark.line(of: "/proc/\(id)/stat", bytesMax: 1024),
                let end = stat.lastIndex(of: ")")
            else { return nil }
            let words = stat[stat.index(after: end)...].split(separator: " ")
            return words.count > 19 ? "process-\(id)-\(words[19])" : nil
        }
    }

    private static func line(of path: String, bytesMax: Int = lengthMax) -> String? {
        let raw = open(path, O_RDONLY | O_CLOEXEC)
        guard raw >= 0 else { return nil }
        let descriptor = Descriptor(owning: raw)
        var bytes = [UInt8](repeating: 0, count: bytesMax)
        let count = Glibc.read(descriptor.raw, &bytes, bytesMax)
        guard count > 0 else { return nil }
        let line = bytes[..<count].prefix { $0 != UInt8(ascii: "\n") }
        guard !line.isEmpty, line.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else { return nil }
        return String(decoding: line, as: UTF8.self)
    }
}
