import Glibc
import Linux
import Testing

@testable import Peer

@Suite struct ListeningTests {
    private func fault(_ path: String) -> SystemFault? {
        do throws(SystemFault) {
            close(try Listening.unix(path))
            unlink(path)
            return nil
        } catch {
            return error
        }
    }

    private func advice(_ path: String) -> String {
        fault(path).map { Listening.advice($0, socket: path) } ?? "none"
    }

    @Test func aMissingFolderIsToldWithWhatToDo() {
        #expect(
            advice("/nowhere/agent.sock")
                == "there is no folder /nowhere; create it and give it to the agent's user: install -d -o troop -g troop /nowhere"
        )
    }

    @Test func aLongPathIsToldWithItsLimit() {
        let stem = "/tmp/troop-listening-\(getpid())-"
        let longest = stem + String(repeating: "x", count: 107 - stem.utf8.count)
        #expect(fault(longest) == nil)
        #expect(advice(longest + "x").hasPrefix("the path has 108 bytes, a unix socket's may have 107;"))
    }

    @Test func aFileThatIsNoSocketIsLeftAlone() throws {
        let path = "/tmp/troop-listening-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600))
        defer { unlink(path) }
        #expect(advice(path).hasPrefix("there is a file that is no socket"))
        #expect(access(path, F_OK) == 0)
    }

    @Test func aDeadSocketIsReplacedAndALiveOneIsNot() throws {
        let path = "/tmp/troop-listening-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let first = Descriptor(owning: try Listening.unix(path))
        #expect(advice(path).hasPrefix("another agent answers there"))
        _ = consume first
        #expect(fault(path) == nil)
    }

    @Test func aSharedAddressIsFreeForSharersOnly() throws {
        // The kernel picks the port; a proxy shares it as here.
        let shared = Descriptor(
            owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        var one: Int32 = 1
        setsockopt(shared.raw, SOL_SOCKET, SO_REUSEPORT, &one, socklen_t(MemoryLayout<Int32>.size))
        let any = try SocketAddress("127.0.0.1:0", allowingPortZero: true)
        try #require(any.withSockaddr { bind(shared.raw, $0, $1) } == 0 && listen(shared.raw, 1) == 0)
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(shared.raw, $0, &length) }
        }
        try #require(code == 0)
        let address = try #require(SocketAddress(storage))
        try Listening.check(address)
        #expect(throws: SystemFault.self) { try Listening.check(address, alone: true) }
        _ = shared.raw
    }
}
