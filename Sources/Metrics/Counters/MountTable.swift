/// The file systems of /proc/mounts that hold somebody's files.
struct MountTable: Equatable {
    /// One of them.
    struct Mount: Equatable, Hashable {
        var device: String
        var point: String
        var type: String
        var isReadOnly: Bool
    }

    /// Mounts that are looked at; a host with more tells of the first so many.
    static let mountsMax = 64
    /// The longest path that is kept, in bytes.
    static let pathBytesMax = 255

    private(set) var mounts: [Mount] = []

    /// The mounts of interest; of several over one another the uppermost, of a device's several the first.
    static func parse(_ bytes: Span<UInt8>) -> MountTable {
        var table = MountTable()
        var scanner = ByteScanner(bytes)
        while !scanner.isAtEnd {
            if let mount = mount(&scanner), holdsFiles(mount) { table.add(mount) }
            scanner.skipLine()
        }
        return table
    }

    private mutating func add(_ mount: Mount) {
        if let same = mounts.firstIndex(where: { $0.point == mount.point }) {
            mounts[same] = mount
        } else if mount.device.hasPrefix("/"), mounts.contains(where: { $0.device == mount.device }) {
            return  // the same files by a second path (a bind mount)
        } else if mounts.count < MountTable.mountsMax {
            mounts.append(mount)
        }
    }

    private static func mount(_ scanner: inout ByteScanner) -> Mount? {
        guard let device = scanner.word(bytesMax: pathBytesMax) else { return nil }
        scanner.skipSpaces()
        guard let point = scanner.word(bytesMax: pathBytesMax) else { return nil }
        scanner.skipSpaces()
        guard let type = scanner.word(bytesMax: 64) else { return nil }
        scanner.skipSpaces()
        let isReadOnly = scanner.skip("ro,") || scanner.skip("ro ")
        guard let path = plain(point) else { return nil }
        return Mount(device: plain(device) ?? device, point: path, type: type, isReadOnly: isReadOnly)
    }

    /// A path as the file writes it, with `\040` for a space; nil for one that is no text, or could not be shown.
    static func plain(_ text: String) -> String? {
        guard text.utf8.contains(UInt8(ascii: "\\")) else { return text }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let octal = rest.prefix(3)
            guard byte == UInt8(ascii: "\\"), octal.count == 3,
                let code = UInt8(String(decoding: octal, as: UTF8.self), radix: 8)
            else {
                bytes.append(byte)
                continue
            }
            bytes.append(code)
            rest = rest.dropFirst(3)
        }
        guard let path = String(validating: bytes, as: UTF8.self),
            !path.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) })
        else { return nil }
        return path
    }

    private static func holdsFiles(_ mount: Mount) -> Bool {
        // A container's own root is an overlay; elsewhere an overlay is a container's, and counted below it already.
        if mount.type == "overlay" { return mount.point == "/" }
        if types.contains(mount.type) { return false }
        return !folders.contains { mount.point == $0 || mount.point.hasPrefix($0 + "/") }
    }

    /// Kinds without files of their own; node_exporter leaves out the same.
    private static let types: Set<String> = [
        "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs",
        "efivarfs",
        "fusectl", "fuse.lxcfs", "hugetlbfs", "iso9660", "mqueue", "nsfs", "proc", "pstore", "ramfs",
        "rpc_pipefs",
        "securityfs", "selinuxfs", "squashfs", "sysfs", "tracefs",
    ]
    private static let folders = [
        "/dev", "/proc", "/sys", "/run/credentials", "/var/lib/docker", "/var/lib/containers/storage",
    ]
}
