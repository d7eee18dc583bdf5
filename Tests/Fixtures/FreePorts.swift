import Glibc
import Synchronization

extension RedisServer {
    /// Below the ports that the kernel gives to whoever connects (`net.ipv4.ip_local_port_range`): between being found and
    /// being listened on, none of these goes to a client's end.
    private static let ports: Range<UInt16> = 10_000..<32_000
    private static let given = Mutex<Set<UInt16>>([])
    private static let triesMax = 500

    /// A port of 127.0.0.1 that was free just now, and that this process was not given before.
    package static func freePort() throws -> UInt16 {
        for _ in 0..<triesMax {
            let port = UInt16.random(in: ports)
            guard given.withLock({ $0.insert(port).inserted }), isFree(port) else { continue }
            return port
        }
        throw Fault(description: "no free port of 127.0.0.1 among \(ports)")
    }

    private static func isFree(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { _ = close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
