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

        /// The blocks of memory that the proxy may hold for one: of each direction that has bytes on their way.
        var blocks: Int {
            switch self {
            case .reads, .uploads: 2
            case .sendsHead, .sendsBody: 1
            }
        }
    }

    /// How many there are.
    struct Size {
        /// Of those that read; of each other kind there are half as many.
        let readers: Int

        /// How many there are of one kind.
        func count(_ kind: Kind) -> Int { kind == .reads ? readers : readers / 2 }

        /// How many there are of all.
        var all: Int { Kind.allCases.map(count).reduce(0, +) }
    }

    /// The bytes of a body that is sent a byte at a time: more than anybody waits for.
    private static let bodyBytes = 10_000_000

    let size: Size
    private var clients: [(kind: Kind, line: SlowClient)] = []

    /// Connects all of them, by TLS where somebody is trusted, and has them say what is said at once.
    init(_ size: Size, to port: UInt16, trust: LoadTrust? = nil) throws {
        self.size = size
        let address = try SocketAddress(host: "127.0.0.1", port: port)
        for kind in Kind.allCases {
            for _ in 0..<size.count(kind) {
                let client = try SlowClient(to: address, trust: trust)
                clients.append((kind, client))
                client.say(SlowCrowd.beginning(kind))
            }
        }
    }

    /// Ends all connections.
    func leave() { clients = [] }

    /// Each that sends sends a bit more; those that upload, as much as is taken.
    func goOn() {
        for client in clients {
            switch client.kind {
            case .reads: continue
            case .sendsHead, .sendsBody: client.line.drip()
            case .uploads: client.line.pour()
            }
        }
    }

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
}
