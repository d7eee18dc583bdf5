import Glibc
import Linux

/// Clients that take and give next to nothing.
final class SlowCrowd {
    /// What a client does.
    enum Kind: CaseIterable {
        /// Asks for 100 MiB and reads none of it.
        case reads
        /// Sends a head, a byte at a time.
        case sendsHead
        /// Sends a body, a byte at a time.
        case sendsBody
        /// Sends as much as is taken to a server that reads nothing.
        case uploads

        /// How many of them there are.
        var count: Int { self == .reads ? 500 : 250 }

        /// The blocks of memory that the proxy may hold for one: of each direction that has bytes on their way.
        var blocks: Int {
            switch self {
            case .reads, .uploads: 2
            case .sendsHead, .sendsBody: 1
            }
        }
    }

    /// How many there are of all.
    static var count: Int { Kind.allCases.map(\.count).reduce(0, +) }
    /// The bytes of a body that is sent a byte at a time: more than anybody waits for.
    private static let bodyBytes = 10_000
    private static let socketBytes: Int32 = 4096

    private var clients: [(kind: Kind, socket: Int32)] = []

    /// Connects all of them and has them say what is said at once.
    init(to port: UInt16) throws {
        let address = try SocketAddress(host: "127.0.0.1", port: port)
        for kind in Kind.allCases {
            for _ in 0..<kind.count {
                let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
                guard client >= 0 else { throw SystemFault("socket") }
                clients.append((kind, client))
                var bytes = SlowCrowd.socketBytes
                setsockopt(client, SOL_SOCKET, SO_RCVBUF, &bytes, 4)
                var segment = ReluctantServer.segmentBytes
                setsockopt(client, Int32(IPPROTO_TCP), TCP_MAXSEG, &segment, 4)
                guard address.withSockaddr({ connect(client, $0, $1) }) == 0 else {
                    throw SystemFault("connect")
                }
                SlowCrowd.say(SlowCrowd.beginning(kind), over: client)
            }
        }
    }

    deinit { leave() }

    /// Resets all connections: behind what a server does not read no orderly end could be seen.
    func leave() {
        for client in clients {
            var reset = linger(l_onoff: 1, l_linger: 0)
            setsockopt(
                client.socket, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
            close(client.socket)
        }
        clients = []
    }

    /// Each that sends sends a bit more; those that upload, as much as is taken.
    func goOn() {
        let many = [UInt8](repeating: UInt8(ascii: "x"), count: 65_536)
        for client in clients {
            switch client.kind {
            case .reads: continue
            case .sendsHead, .sendsBody: SlowCrowd.say("x", over: client.socket)
            case .uploads: while send(client.socket, many, many.count, SlowCrowd.flags) > 0 {}
            }
        }
    }

    private static let flags = Int32(MSG_NOSIGNAL | MSG_DONTWAIT)

    private static func beginning(_ kind: Kind) -> String {
        switch kind {
        case .reads: "GET /flood HTTP/1.1\r\nHost: x.test\r\n\r\n"
        case .sendsHead: "GET /slow HTTP/1.1\r\nHost: x.test\r\nX-Slow: "
        case .sendsBody:
            "POST /drip HTTP/1.1\r\nHost: x.test\r\nContent-Length: \(bodyBytes)\r\n\r\n"
        case .uploads:
            "POST /deaf HTTP/1.1\r\nHost: x.test\r\nContent-Length: \(ReluctantServer.floodBytes)\r\n\r\n"
        }
    }

    private static func say(_ text: String, over socket: Int32) {
        let bytes = Array(text.utf8)
        _ = send(socket, bytes, bytes.count, flags)
    }
}
