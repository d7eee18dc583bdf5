import ArgumentParser
import Linux
import Peer
import Store
import Synchronization
import UnixSignals

/// `troop bench`: load for a troop, to see what it bears before the hosts are there.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Put a load on a Redis, as a large troop would.",
        subcommands: [BenchHostsCommand.self])
}

/// `troop bench hosts`: acts as thousands of agents.
struct BenchHostsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hosts", abstract: "Act as that many agents at one Redis, from one process.",
        discussion: """
            Every host has a connection and reports, and asks what agents ask, by the agents' own scripts, at the interval \
            that agents of such a troop choose (docs/scaling.md). Real agents of the same cluster see these hosts and lead \
            them; the made-up ones never stand for election. At the end their reports and servers are taken out again.

            Each host takes a descriptor here and a client of Redis: see 'ulimit -n' and Redis's maxclients. A password of \
            Redis goes into the environment variable TROOP_REDIS_PASSWORD.
            """)

    @Option(help: "How many hosts: 1 to \(HostCrowd.hostsMax).")
    var count = 10_000
    @Option(help: "Where Redis is, as in the configuration: redis://HOST:PORT/0")
    var redis: String
    @Option(help: "The cluster that the hosts join.")
    var cluster = "bench"
    @Option(help: "Between two reports of a host, as 1s (default: what agents of such a troop choose).")
    var interval: TimeSpan?
    @Option(name: .customLong("for"), help: "Stop after this long, as 30s or 5m (default: until Ctrl-C).")
    var duration: TimeSpan?
    @Option(help: "Threads that act: 1 to 64.")
    var threads = 8
    @Option(
        name: .customLong("servers"),
        help:
            "Give every host a server on this port of its own loopback address, which answers health checks.")
    var serverPort: UInt16?

    private static let intervals: ClosedRange<Int64> = 100...60_000
    private static let sayMilliseconds: Int64 = 5000
    private static let lookMilliseconds: Int64 = 100

    func validate() throws {
        guard (1...HostCrowd.hostsMax).contains(count) else {
            throw ValidationError("--count is \(count); expected 1 to \(HostCrowd.hostsMax)")
        }
        guard (1...64).contains(threads) else {
            throw ValidationError("--threads is \(threads); expected 1 to 64")
        }
        if let interval, !BenchHostsCommand.intervals.contains(interval.milliseconds) {
            throw ValidationError("--interval: expected 100ms to 60s")
        }
        let isName = cluster.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
        guard isName, (1...63).contains(cluster.utf8.count) else {
            throw ValidationError("--cluster: expected 1 to 63 of A-Z a-z 0-9 . _ -")
        }
        if serverPort == 0 { throw ValidationError("--servers is 0; expected 1 to 65535") }
    }

    func run() async throws {
        let settings: StoreSettings
        do {
            settings = StoreSettings(
                url: try StoreURL(redis), password: AgentCommand.environment["TROOP_REDIS_PASSWORD"],
                commandTimeoutMilliseconds: 5000, connectTimeoutMilliseconds: 5000, name: "bench")
        } catch {
            throw ValidationError("--redis: \(error)")
        }
        let interval = interval?.milliseconds ?? TroopScale(hosts: count).reportMilliseconds
        DescriptorLimit.raise(to: count + 100)
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        let server = try answerChecks()
        defer { server?.stop() }
        let crowd = HostCrowd(
            HostCrowd.Settings(
                store: settings, cluster: cluster, count: count, intervalMilliseconds: interval,
                threads: threads, serverPort: serverPort))
        do {
            let link = try StoreConnection.open(settings, until: Instant.now().advanced(milliseconds: 5000))
            Output.line(
                "\(count) hosts in cluster \(cluster), each reports every \(Double(interval) / 1000) s")
            try crowd.start()
            defer { crowd.stop() }
            try await watch(crowd, link, until: signals)
        } catch {
            ExitStatus.complain("\(error)")
            throw ExitStatus.degraded
        }
    }

    /// Says every few seconds what the crowd did and what Redis spent, until a signal or the end of the time.
    private func watch(
        _ crowd: HostCrowd, _ link: StoreConnection, until signals: UnixSignalsSequence
    ) async throws {
        let isStopped = Flag()
        let listening = Task {
            for await _ in signals { break }
            isStopped.raise()
        }
        defer { listening.cancel() }
        let end = duration.map { Instant.now().advanced(milliseconds: $0.milliseconds) }
        var before = try StoreLoad.read(link)
        while !isStopped.isRaised, !Output.isBroken {
            try await Task.sleep(for: .milliseconds(BenchHostsCommand.lookMilliseconds))
            let now = Instant.now()
            let isOver = end.map { now >= $0 } ?? false
            guard isOver || now.milliseconds(since: before.readAt) >= BenchHostsCommand.sayMilliseconds else {
                continue
            }
            let after = try StoreLoad.read(link)
            Output.line(BenchHostsCommand.text(crowd.takeCount(), before, after))
            before = after
            if isOver { break }
        }
    }

    private static func text(
        _ count: HostCrowd.Count, _ before: StoreLoad.Reading, _ after: StoreLoad.Reading
    ) -> String {
        let seconds = max(0.001, Double(after.readAt.milliseconds(since: before.readAt)) / 1000)
        let sorted = count.reportMicroseconds.sorted()
        func at(_ share: Double) -> Int64 {
            sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
        }
        func places(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
        let fault = count.fault.map { ", \(count.faults) faults (\($0))" } ?? ""
        return
            "\(Int(Double(count.reports) / seconds)) reports/s, \(Int(Double(count.commands) / seconds)) commands/s, "
            + "report p50 \(at(0.5)) p99 \(at(0.99)) µs, at most \(count.latestMilliseconds) ms late; Redis: "
            + "\(places(StoreLoad.cores(before, after))) cores, \(after.clients) clients, "
            + "\(after.memoryBytes / 1_000_000) MB\(fault)"
    }

    /// Answers the health checks of all hosts' servers; nil where they have none.
    private func answerChecks() throws -> HTTPServer? {
        guard let serverPort else { return nil }
        do {
            let server = try HTTPServer(named: "crowd-servers") { _ in .text(200, "ok") }
            try server.listen(tcp: SocketAddress(host: "0.0.0.0", port: serverPort))
            try server.start()
            return server
        } catch {
            ExitStatus.complain("cannot listen on port \(serverPort): \(error)")
            throw ExitStatus.degraded
        }
    }
}

/// Something that happens once and is asked after from elsewhere.
private final class Flag: Sendable {
    private let value = Atomic(false)

    var isRaised: Bool { value.load(ordering: .relaxed) }
    func raise() { value.store(true, ordering: .relaxed) }
}
