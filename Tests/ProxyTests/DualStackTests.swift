import CLinux
import Glibc
import Linux
import Testing

@testable import Proxy

/// IPv4 clients of a listener on `[::]`: one address has one text, whichever way it came.
@Suite(.timeLimit(.minutes(2))) struct DualStackTests {
    /// True when this machine has IPv6, and a listener on `[::]` takes IPv4 clients.
    private static var isPossible: Bool {
        guard let any = try? SocketAddress("[::]:0", allowingPortZero: true) else { return false }
        let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { _ = close(descriptor) }
        var isNewOnly: Int32 = 1
        var length = socklen_t(4)
        _ = getsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &isNewOnly, &length)
        return isNewOnly == 0 && any.withSockaddr { bind(descriptor, $0, $1) } == 0
    }

    @Test(.enabled(if: isPossible, "this machine has no IPv6, or [::] takes no IPv4 clients"))
    func oldAddressesAreToldAsSuch() async throws {
        let any = try SocketAddress("[::]:0", allowingPortZero: true)
        let backend = try ForwardingTests.mirror()
        let folder = try AccessLogTests.Folder()
        let log = AccessLogTests()
        let rig = try log.logging(to: folder, [backend.address]) {
            $0.listen = any
            $0.forwarding.forwarded = true
        }
        for (host, element) in [("127.0.0.1", "127.0.0.1"), ("::1", "\"[::1]\"")] {
            let wire = Wire(to: try SocketAddress(host: host, port: rig.address.port))
            wire.send("GET / HTTP/1.1\r\nHost: x.test\r\n\r\n")
            // A machine may have IPv6 without its loopback address.
            guard let response = wire.readMessage() else {
                #expect(host == "::1")
                return
            }
            let lines = response.text.split(separator: "\n")
            #expect(lines.contains("X-Forwarded-For: \(host)"), "\(lines)")
            #expect(lines.contains("Forwarded: for=\(element);proto=http;host=\"x.test\""), "\(lines)")
            let isLogged = await Rig.eventually {
                folder.lines().last.map { log.values($0)["client"] } == host
            }
            #expect(isLogged, "\(folder.lines())")
        }
    }

    @Test(arguments: [
        (UInt64(0), UInt64(0xffff_cb00_7109), "203.0.113.9"), (0, 1, "::1"),
        (0x2001_0db8_0000_0000, 1, "2001:db8::1"), (0, 0xcb00_7109, "::203.0.113.9"),
        (0xfedc_ba98_7654_3210, 0xfedc_ba98_7654_3210, "fedc:ba98:7654:3210:fedc:ba98:7654:3210"),
    ])
    func theTextIsThatOfTheBits(_ high: UInt64, _ low: UInt64, _ text: String) {
        var storage = sockaddr_storage()
        storage.ss_family = sa_family_t(AF_INET6)
        withUnsafeMutableBytes(of: &storage) { raw in
            raw.storeBytes(of: high.bigEndian, toByteOffset: 8, as: UInt64.self)
            raw.storeBytes(of: low.bigEndian, toByteOffset: 16, as: UInt64.self)
        }
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: AddressBits.writtenBytes)
        defer { memory.deallocate() }
        let count = AddressBits(&storage).write(to: memory)
        #expect(String(decoding: UnsafeBufferPointer(start: memory, count: count), as: UTF8.self) == text)
    }
}
