import Fixtures
import Glibc
import Linux
import Testing

@testable import Election

/// The door on real sockets.
@Suite struct PeerDoorTests {
    /// Each connection of this port with the kernel's timer on it, as `02:…` for keep-alive (proc_net_tcp).
    private static func timers(of port: UInt16) -> [Substring] {
        let hex = String(port, radix: 16, uppercase: true)
        let end = ":" + String(repeating: "0", count: 4 - hex.utf8.count) + hex
        guard let file = fopen("/proc/self/net/tcp", "re") else { return [] }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4 << 20)  // other tests leave many that wait
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n").dropFirst().compactMap
        {
            line in
            let fields = line.split(separator: " ")
            let isOurs = fields.count > 5 && (fields[1].hasSuffix(end) || fields[2].hasSuffix(end))
            return isOurs && fields[3] == "01" ? fields[5] : nil
        }
    }

    @Test(.timeLimit(.minutes(1))) func bothEndsNoticeAPeerThatVanishes() throws {
        let lease = try #require(Lease(host: "a", nonce: "n", epoch: 3))
        let port = try RedisServer.freePort()
        let address = try SocketAddress("127.0.0.1:\(port)")
        let own = try PeerDoor(listen: address, bell: Doorbell())
        let visitor = try PeerDoor(listen: nil, bell: Doorbell())
        own.show(lease.token)
        #expect(own.fault == nil)
        visitor.follow(lease, at: address)
        let limit = Instant.now().advanced(milliseconds: 10_000)
        while !visitor.isWatching, Instant.now() < limit {
            for door in [own, visitor] { door.wait(until: .now().advanced(milliseconds: 5)) }
        }
        #expect(visitor.isWatching)
        let timers = PeerDoorTests.timers(of: port)
        #expect(timers.count == 2 && timers.allSatisfy { $0.hasPrefix("02:") }, "\(timers)")
    }

    /// In a process of its own, whose descriptors run out.
    @Test(.timeLimit(.minutes(1))) func aProcessWithoutDescriptorsDoesNotSpinAtItsDoor() async {
        await #expect(processExitsWith: .success) {
            let lease = try #require(Lease(host: "a", nonce: "n", epoch: 3))
            let address = try SocketAddress("127.0.0.1:\(try RedisServer.freePort())")
            let door = try PeerDoor(listen: address, bell: Doorbell())
            door.show(lease.token)
            let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard address.withSockaddr({ connect(client, $0, $1) }) == 0 else { exit(2) }
            let free = dup(client)
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            var none = limit
            none.rlim_cur = rlim_t(free)
            _ = close(free)
            guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &none) == 0 else { exit(3) }
            var turns = 0
            let end = Instant.now().advanced(milliseconds: 350)
            while Instant.now() < end {
                door.wait(until: end)
                turns += 1
            }
            guard turns < 50 else { exit(4) }
            // And lets the visitor in once there is a descriptor again.
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            var byte: UInt8 = 0
            for _ in 0..<200 {
                if recv(client, &byte, 1, Int32(MSG_DONTWAIT)) == 1 { break }
                door.wait(until: .now().advanced(milliseconds: 20))
            }
            exit(byte == UInt8(ascii: "t") ? 0 : 5)
        }
    }
}
