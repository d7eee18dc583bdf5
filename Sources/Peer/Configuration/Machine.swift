import CLinux
import Glibc
import Linux

/// What the machine says of itself, for options that were not given.
struct Machine: Sendable {
    /// The host's name; empty when the kernel gives none.
    var name: String
    /// The numeric address other hosts most likely reach this one at.
    var address: String
    /// The CPUs this process may run on.
    var cores: Int

    /// Asks the kernel; sends nothing over the network.
    static func current() -> Machine {
        Machine(name: hostName(), address: ownAddress(), cores: Int(clinux_cpu_count()))
    }

    private static func hostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        let code = gethostname(&buffer, buffer.count - 1)
        guard code == 0 else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func ownAddress() -> String {
        // Addresses for documentation, outside of every real network: the default route is what remains.
        for destination in ["192.0.2.1:9", "[2001:db8::1]:9"] {
            if let address = sourceAddress(towards: destination) { return address }
        }
        return firstInterfaceAddress() ?? "127.0.0.1"
    }

    /// The address the kernel would send from; connecting a datagram socket sends nothing.
    private static func sourceAddress(towards destination: String) -> String? {
        guard let destination = try? SocketAddress(destination) else { return nil }
        let raw = socket(destination.family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard raw >= 0 else { return nil }
        let descriptor = Descriptor(owning: raw)
        guard destination.withSockaddr({ connect(descriptor.raw, $0, $1) }) == 0 else { return nil }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor.raw, $0, &length)
            }
        }
        guard code == 0, let address = SocketAddress(storage) else { return nil }
        return usable(address)
    }

    /// A network without a default route: the first interface that is up and not the loopback.
    private static func firstInterfaceAddress() -> String? {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return nil }
        defer { freeifaddrs(list) }
        var next = list
        while let entry = next?.pointee {
            next = entry.ifa_next
            let isUp = entry.ifa_flags & UInt32(IFF_UP) != 0
            guard isUp, let address = entry.ifa_addr, Int32(address.pointee.sa_family) == AF_INET else {
                continue
            }
            var storage = sockaddr_storage()
            withUnsafeMutableBytes(of: &storage) {
                $0.copyMemory(
                    from: UnsafeRawBufferPointer(start: address, count: MemoryLayout<sockaddr_in>.size))
            }
            if let text = SocketAddress(storage).flatMap(usable) { return text }
        }
        return nil
    }

    private static func usable(_ address: SocketAddress) -> String? {
        address.isLoopback || address.bytes.allSatisfy { $0 == 0 } ? nil : address.host
    }
}
