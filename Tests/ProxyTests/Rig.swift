import Linux
import Proxy
import Testing

/// A proxy on a free port in front of some servers.
struct Rig {
    let proxy: Proxy
    let address: SocketAddress

    /// Starts the proxy; `adjust` may change the settings.
    init(
        _ servers: [SocketAddress], workers: Int = 1, adjust: (inout ProxySettings) -> Void = { _ in },
        onNotice: @escaping @Sendable (CertificateNotice) -> Void = { _ in }
    ) throws {
        var settings = ProxySettings(
            listen: try SocketAddress("127.0.0.1:0", allowingPortZero: true), workers: workers)
        adjust(&settings)
        proxy = try Proxy(settings, onNotice: onNotice)
        proxy.publish(servers.map { RoutedServer(address: $0, host: "test") })
        try proxy.open()
        address = try #require(proxy.address)
    }

    func connect() -> Wire { Wire(to: address) }

    /// One request on a connection of its own.
    func get(_ path: String = "/", host: String = "x.test") -> Wire.Message? {
        let wire = connect()
        wire.send("GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\r\n")
        return wire.readMessage(untilClose: true)
    }

    /// An address where nobody listens.
    static func deadAddress() throws -> SocketAddress {
        // Bound and closed again: the kernel does not give the port out again soon.
        let other = try Proxy(
            ProxySettings(listen: try SocketAddress("127.0.0.1:0", allowingPortZero: true), workers: 1))
        try other.open()
        let address = try #require(other.address)
        other.stop()
        return address
    }

    /// Waits until something holds, ten seconds at most.
    static func eventually(_ condition: () -> Bool) async -> Bool {
        let deadline = Instant.now().advanced(milliseconds: 10_000)
        while !condition() {
            if Instant.now() > deadline { return false }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return true
    }

    /// Bytes that differ from place to place, so that losses and swaps show.
    static func pattern(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    }
}
