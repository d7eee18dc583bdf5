import CLinux
import Glibc
import Linux

/// What connections that rest between two requests cost in memory.
struct IdleBench {
    static let wanted = 20_000
    /// Descriptors that a proxy, or the bench, needs for something else.
    static let spare = 200
    static let goal = 0.5
    /// Connections from one address of loopback's, well below the number of ports.
    static let perAddress = 10_000
    static let settleMicroseconds: UInt32 = 1_500_000

    private let options: ProxyOptions
    private let stage: Stage
    private let machine: Machine

    init(_ options: ProxyOptions, stage: Stage, machine: Machine) {
        (self.options, self.stage, self.machine) = (options, stage, machine)
    }

    /// Measures and prints; throws when a connection failed.
    func run() throws(BenchFault) {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let count = min(IdleBench.wanted, Int(min(limit.rlim_cur, 1 << 20)) - IdleBench.spare)
        Bench.say(
            """

            # idle: \(count) connections that have made a request and rest\
            \(count < IdleBench.wanted ? " (20,000 are wanted; the limit of open files forbids them)" : "")
            """)
        let backend = try Contest.startBackend(stage, on: machine.helpers)
        try Contender.makeCertificate(on: stage, core: machine.measured)
        let terms = Contender.Terms(backend: backend.port, rivals: options.rivals, connections: count + 100)
        var table = Table(["", "before MiB", "with them MiB", "bytes/connection"])
        var costs: [Double] = []
        for contender in [
            try Contender.troop(on: stage, terms),
            try Contender.haproxy(on: stage, core: machine.measured, terms),
        ] {
            let child = try Contest.start(contender, stage, machine)
            // First, so that what many requests bring is there already: buffers, the log's memory.
            let load = Load(connections: 64, seconds: 1, rivals: options.rivals)
            _ = try load.run(on: stage, core: machine.helpers, port: contender.port)
            usleep(IdleBench.settleMicroseconds)
            let before = try IdleBench.resident(child)
            var during = 0
            try hold(count, contender) { () throws(BenchFault) in
                usleep(IdleBench.settleMicroseconds)
                during = try IdleBench.resident(child)
            }
            let each = Double(during - before) / Double(count)
            costs.append(each)
            table.add([
                contender.name, (Double(before) / 1_048_576).text(places: 1),
                (Double(during) / 1_048_576).text(places: 1), each.text(places: 0),
            ])
            kill(child.pid, SIGTERM)
            try stage.awaitEnd(of: child, withinSeconds: 10, mayFail: true)
        }
        Bench.say(table.text)
        Goal.say(
            "memory of an idle connection beside haproxy", costs[0] / costs[1], atMost: IdleBench.goal,
            places: 2)
    }

    /// Opens connections, makes one request on each, and calls `body` while they rest.
    private func hold(
        _ count: Int, _ contender: Contender, _ body: () throws(BenchFault) -> Void
    ) throws(BenchFault) {
        var open: [Int32] = []
        defer { for descriptor in open { _ = close(descriptor) } }
        for number in 0..<count {
            open.append(try IdleBench.connectOnce(contender, from: UInt8(1 + number / IdleBench.perAddress)))
        }
        try body()
    }

    private static func connectOnce(_ contender: Contender, from last: UInt8) throws(BenchFault) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0,
            let own = try? SocketAddress("127.0.1.\(last):0", allowingPortZero: true),
            let address = try? SocketAddress(host: "127.0.0.1", port: contender.port)
        else { throw BenchFault("no socket: \(String(cString: strerror(errno)))") }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, &on, 4)
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let request = Array("GET /idle HTTP/1.1\r\nHost: bench.test\r\n\r\n".utf8)
        var answer = [UInt8](repeating: 0, count: 4096)
        guard own.withSockaddr({ bind(descriptor, $0, $1) }) == 0,
            address.withSockaddr({ connect(descriptor, $0, $1) }) == 0,
            send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count,
            case let got = recv(descriptor, &answer, answer.count, 0), got > 12,
            answer.starts(with: "HTTP/1.1 200".utf8)
        else {
            let why = String(cString: strerror(errno))
            _ = close(descriptor)
            throw BenchFault("\(contender.name): a connection was not served: \(why)")
        }
        return descriptor
    }

    private static func resident(_ child: Child) throws(BenchFault) -> Int {
        let status = TextFile.read("/proc/\(child.pid)/status") ?? ""
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
            let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { throw BenchFault("\(child.name) has ended:\n\(child.output)") }
        return kibibytes * 1024
    }
}
