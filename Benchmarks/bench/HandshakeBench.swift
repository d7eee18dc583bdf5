import Glibc

/// Full TLS handshakes, one after the other on several connections: CPU time of each, and what that makes a second.
struct HandshakeBench {
    /// Clients at once, each a process of OpenSSL's own.
    static let clients = 3
    static let seconds = 3

    private let contest: Contest

    init(_ contest: Contest) { self.contest = contest }

    /// Measures and prints; throws when a handshake failed.
    func run() throws(BenchFault) {
        Bench.say(
            """

            # handshakes: TLS 1.3, ECDSA P-256, no resumption, \(HandshakeBench.clients) clients
            the clients' core is the limit, so the rate is what the proxy's core alone could do
            """)
        let places = contest.contenders.indices.filter { contest.contenders[$0].securePort != nil }
        var runs: [[Double]] = contest.contenders.map { _ in [] }
        for _ in 0..<contest.options.rounds {
            for place in places { runs[place].append(try measure(place)) }
        }
        var table = Table(["", "CPU µs/handshake", "handshakes/s of one core"])
        for place in places {
            table.add([
                contest.contenders[place].name, Spread(runs[place])?.text(places: 0) ?? "-",
                Spread(runs[place].map { 1e6 / $0 })?.text(places: 0) ?? "-",
            ])
        }
        Bench.say(table.text)
        if let rival = contest.place(of: "haproxy"),
            let ratio = Spread(zip(runs[0], runs[rival]).map { $0 / $1 })
        {
            Goal.say("CPU for a handshake beside haproxy", ratio.median, atMost: 1, places: 2)
        }
    }

    private func measure(_ place: Int) throws(BenchFault) -> Double {
        let child = contest.children[place]
        guard let port = contest.contenders[place].securePort, let before = CPUTime(of: child.pid) else {
            throw BenchFault("\(child.name) has ended")
        }
        var clients: [Child] = []
        let words = [
            try Contender.program("openssl"), "s_time", "-connect", "127.0.0.1:\(port)", "-new", "-time",
            String(HandshakeBench.seconds),
        ]
        for number in 0..<HandshakeBench.clients {
            clients.append(
                try contest.stage.start("s_time-\(number)", words, on: contest.machine.helpers))
        }
        var handshakes = 0
        for client in clients {
            try contest.stage.awaitEnd(of: client, withinSeconds: HandshakeBench.seconds + 15)
            guard let count = HandshakeBench.count(client.output) else {
                throw BenchFault("\(child.name): the clients' output cannot be read:\n\(client.output)")
            }
            handshakes += count
        }
        guard handshakes > 0, let after = CPUTime(of: child.pid) else {
            throw BenchFault("\(child.name) made no handshake:\n\(child.output)")
        }
        return after.microseconds(since: before).total / Double(handshakes)
    }

    /// Reads `1234 connections in 4 real seconds, …`; nil when it is not there.
    static func count(_ output: String) -> Int? {
        output.split(separator: "\n").last { $0.contains("real seconds") }?.split(separator: " ").first
            .flatMap {
                Int($0)
            }
    }
}
