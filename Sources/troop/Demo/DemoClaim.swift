import Glibc
import Linux

/// One demo's right to a proxy port: until its proxies listen, the port itself does not tell that it is wanted.
///
/// The claim is an abstract unix socket (unix(7)): it is as wide as the ports are, the network namespace, and the
/// kernel ends it with the demo.
final class DemoClaim: Sendable {
    private let descriptor: Int32

    /// Claims a port; throws `EADDRINUSE` while another demo has it.
    init(port: UInt16) throws(SystemFault) {
        let name = Array("troop-demo:\(port)".utf8)
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemFault("socket") }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { path in
            for (index, byte) in name.enumerated() { path[index + 1] = byte }  // the first one stays zero
        }
        let length = MemoryLayout<sa_family_t>.size + 1 + name.count
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(length))
            }
        }
        guard code == 0 else {
            let fault = SystemFault("bind", on: "another demo's port")
            throw fault
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
}
