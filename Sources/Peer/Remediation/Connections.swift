import Glibc
import Linux

/// The kernel's tables of TCP connections.
package enum Connections {
    private static let established = "01"
    private static let bytesMax = 16 * 1024 * 1024

    /// Connections that are established to a local port; nil when the kernel does not tell.
    package static func count(to port: UInt16) -> Int? {
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].compactMap(read)
        guard !tables.isEmpty else { return nil }
        return tables.reduce(0) { $0 + count(in: $1, port) }
    }

    /// The same in the text of one table.
    static func count(in table: String, _ port: UInt16) -> Int {
        var wanted = String(port, radix: 16, uppercase: true)
        wanted = ":" + String(repeating: "0", count: 4 - wanted.count) + wanted
        return table.split(separator: "\n").dropFirst().count { line in
            let words = line.split(separator: " ", maxSplits: 4, omittingEmptySubsequences: true)
            return words.count > 3 && words[1].hasSuffix(wanted) && words[3] == established
        }
    }

    private static func read(_ path: String) -> String? {
        let raw = open(path, O_RDONLY | O_CLOEXEC)
        guard raw >= 0 else { return nil }
        let descriptor = Descriptor(owning: raw)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < bytesMax {
            let count = Glibc.read(descriptor.raw, &buffer, buffer.count)
            if count <= 0 { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
