import Glibc
import Linux
import Testing

@Suite struct SocketAddressTests {
    @Test(arguments: ["127.0.0.1:3001", "[::1]:80", "255.255.255.255:65535"])
    func aGoodAddressKeepsItsText(_ text: String) throws {
        #expect(try SocketAddress(text).description == text)
    }

    @Test func anAddressIsMadeCanonical() throws {
        #expect(try SocketAddress("[FD00:0:0::5]:80").description == "[fd00::5]:80")
    }

    @Test(arguments: ["[::ffff:10.0.0.1]:80", "[::FFFF:a00:1]:80"])
    func aMappedAddressIsTheIPv4One(_ text: String) throws {
        #expect(try SocketAddress(text) == SocketAddress("10.0.0.1:80"))
        #expect(try SocketAddress(text).description == "10.0.0.1:80")
        #expect(try SocketAddress(text).family == AF_INET)
    }

    @Test(arguments: [
        ("224.0.0.1:1", true), ("239.255.255.255:1", true), ("[ff02::1]:1", true),
        ("223.255.255.255:1", false),
        ("240.0.0.1:1", false), ("[fe80::1]:1", false),
    ])
    func multicastIsTold(_ text: String, _ expected: Bool) throws {
        #expect(try SocketAddress(text).isMulticast == expected)
    }

    @Test(arguments: ["", "x", "127.0.0.1", "::1:80", "fd00::5"])
    func anAddressWithoutAPortIsRefused(_ text: String) {
        #expect(throws: SocketAddressFault.noPort(text)) { try SocketAddress(text) }
    }

    @Test(arguments: ["127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:+80", "127.0.0.1:８０"])
    func aBadPortIsRefused(_ text: String) {
        #expect(throws: SocketAddressFault.badPort(text)) { try SocketAddress(text) }
    }

    @Test(arguments: ["localhost:80", "1.2.3:80", "[1.2.3.4]:80", "01.2.3.4:80", ":80", "[]:80"])
    func aNameIsNoAddress(_ text: String) {
        #expect(throws: SocketAddressFault.notNumeric(text)) { try SocketAddress(text) }
    }

    @Test(arguments: [("127.9.9.9:1", true), ("[::1]:1", true), ("10.0.0.1:1", false), ("[::2]:1", false)])
    func loopbackIsTold(_ text: String, _ expected: Bool) throws {
        #expect(try SocketAddress(text).isLoopback == expected)
    }

    @Test(arguments: ["10.1.2.3:81", "[fd00::5]:82"])
    func theKernelFormGoesBothWays(_ text: String) throws {
        let address = try SocketAddress(text)
        let storage = address.withSockaddr { pointer, length in
            var storage = sockaddr_storage()
            memcpy(&storage, pointer, Int(length))
            return storage
        }
        #expect(SocketAddress(storage) == address)
    }

    @Test(arguments: [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("10.0.0.1:1", "10.0.0.1:1")])
    func aClientReachesAWildcardByLoopback(_ text: String, _ expected: String) throws {
        #expect(try SocketAddress(text).asClient.description == expected)
    }
}
