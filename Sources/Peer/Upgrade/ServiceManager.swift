import CLinux
import Glibc

/// Tells systemd how the agent fares, as a unit with `Type=notify` wants it (sd_notify(3)).
enum ServiceManager {
    /// Sends one state, such as `READY=1`; nothing without `NOTIFY_SOCKET`, and a manager that does not listen is no
    /// reason to stop.
    static func notify(_ state: String) {
        guard let value = getenv("NOTIFY_SOCKET") else { return }
        notify(state, at: String(cString: value))
    }

    /// The same to a unix socket's path, or to an abstract name that begins with `@`.
    static func notify(_ state: String, at place: String) {
        var path = Array(place.utf8)
        var address = sockaddr_un()
        guard let first = path.first, first == UInt8(ascii: "/") || first == UInt8(ascii: "@"),
            path.count < MemoryLayout.size(ofValue: address.sun_path)
        else { return }
        if first == UInt8(ascii: "@") { path[0] = 0 }  // an abstract socket (unix(7))
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { _ = close(descriptor) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
        let bytes = Array(state.utf8)
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT), $0, length)
            }
        }
    }
}
