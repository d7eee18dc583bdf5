import Glibc
import Linux
import Testing

@testable import Peer

@Suite struct InheritanceTests {
    /// In a process of its own: the note travels in the environment.
    @Test(.timeLimit(.minutes(1))) func socketsThatNobodyClaimsAreClosedAndToldOf() async {
        await #expect(processExitsWith: .success) {
            var ends: [Int32] = [-1, -1]
            guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else { exit(2) }
            let address = try SocketAddress("127.0.0.1:0", allowingPortZero: true)
            let (claimed, left) = (try Listening.tcp(address), try Listening.tcp(address))
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            _ = withUnsafeMutablePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(claimed, $0, &length) }
            }
            let note = HandoverNote(
                parent: getppid(), control: ends[1],
                listeners: ["api.listen": [claimed], "proxy.tls.listen": [left]])
            let json = try #require(JSONForm.bytes(note))
            setenv(HandoverNote.variable, String(decoding: json, as: UTF8.self), 1)
            let inheritance = try #require(Inheritance.take())
            let place = try #require(SocketAddress(storage))
            guard inheritance.claim(.api, at: place) == [claimed] else { exit(3) }
            inheritance.closeUnclaimed()
            guard fcntl(claimed, F_GETFD) >= 0, fcntl(left, F_GETFD) < 0 else { exit(4) }
            let complaints = inheritance.complaints
            guard complaints.count == 1, complaints[0].hasPrefix("proxy.tls.listen: 1 inherited") else {
                exit(5)
            }
            inheritance.closeUnclaimed()
            exit(inheritance.complaints == complaints ? 0 : 6)
        }
    }
}
