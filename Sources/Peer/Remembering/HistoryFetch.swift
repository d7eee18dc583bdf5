import Glibc
package import Linux
package import Logging
package import Store
import Synchronization
import Transfer

/// Asks another agent for the history that this one has not seen, on a thread of its own.
package final class HistoryFetch: Sendable {
    /// Agents that are asked, one after the other, until one answers.
    static let peersMax = 3
    /// Hosts that are asked about, at most: more would take longer than the fine steps are worth.
    static let hostsMax = 10_000
    /// Failures at one agent after which the next one is asked.
    private static let failuresMax = 3
    /// Hosts that an agent knows nothing of, from the first on, after which it counts as one that keeps no history.
    private static let strangersMax = 20
    /// How long one answer may take, in milliseconds.
    private static let timeoutMilliseconds = 2000
    /// How long to wait where an agent wants to be asked less often, in milliseconds: what its `Retry-After` says.
    private static let pauseMilliseconds: Int64 = 1000
    /// How long everything may take, in milliseconds: two answers for each host, at the pace that an agent bears
    /// (`ClientRates`), and some.
    package static let patienceMilliseconds: Int64 = 240_000

    /// An agent that may know.
    package struct Peer: Equatable, Sendable {
        package var host: String
        package var api: SocketAddress

        /// A peer from its parts.
        package init(host: String, api: SocketAddress) {
            self.host = host
            self.api = api
        }
    }

    private let keeper: HistoryKeeper
    private let token: Secret?
    private let patienceMilliseconds: Int64
    private let log: Logger
    private let isUnderWay = Atomic<Bool>(false)

    /// What became of the asking of one agent.
    private struct Yield {
        var rows = 0
        /// Hosts about which it gave no answer.
        var left: [String] = []
        var why: String?
    }

    /// A fetch into `keeper`; `token` is shown to the agents asked.
    package init(
        keeper: HistoryKeeper, token: Secret?, log: Logger,
        patienceMilliseconds: Int64 = HistoryFetch.patienceMilliseconds
    ) {
        self.keeper = keeper
        self.token = token
        self.patienceMilliseconds = patienceMilliseconds
        self.log = log
    }

    /// The agents to ask, the leader first, then those that most likely remember (`WarmStandby`): of those that report, and
    /// told where their API answers.
    package static func peers(of own: String, leader: String?, in book: HostBook, at now: Instant) -> [Peer] {
        let peers = book.pages.compactMap { name, page -> Peer? in
            guard name != own, let report = page.report, let text = report.api,
                let address = try? SocketAddress(text), let age = book.age(of: name, at: now),
                HostBook.liveness(
                    ageMilliseconds: age, intervalMilliseconds: report.intervalMilliseconds) == .up
            else { return nil }
            return Peer(host: name, api: address)
        }
        func order(_ peer: Peer) -> (Int, UInt64) {
            (peer.host == leader ? 0 : 1, Candidacy.rank(peer.host))
        }
        return Array(peers.sorted { order($0) < order($1) }.prefix(peersMax))
    }

    /// Begins to ask; at most one fetch is under way.
    package func begin(_ peers: [Peer]) {
        guard !peers.isEmpty else {
            log.info(
                "history starts empty: no other agent's API can be reached; set api.listen to an address of the hosts' network, and api.token_file, on every host"
            )
            return
        }
        guard isUnderWay.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else {
            return
        }
        do {
            let thread = try Thread.start(named: "troop-history") { [self] in
                run(peers)
                isUnderWay.store(false, ordering: .relaxed)
            }
            thread.detach()
        } catch {
            isUnderWay.store(false, ordering: .relaxed)
            log.warning("history starts empty: no thread can be started", metadata: ["why": "\(error)"])
        }
    }

    private func run(_ peers: [Peer]) {
        let deadline = Instant.now().advanced(milliseconds: patienceMilliseconds)
        let all = keeper.hosts
        var left = Array(all.prefix(HistoryFetch.hostsMax))
        var rows = 0
        var (from, why): ([String], String) = ([], "no agent remembers more")
        for peer in peers where !left.isEmpty {
            let yield = fill(left, from: peer, until: deadline)
            if let reason = yield.why { why = reason }
            guard yield.rows > 0 else { continue }
            rows += yield.rows
            from.append(peer.host)
            left = yield.left
        }
        guard rows > 0 else {
            log.info("history starts empty", metadata: ["why": "\(why)"])
            return
        }
        let missing = left.count + max(0, all.count - HistoryFetch.hostsMax)
        var metadata: Logger.Metadata = ["from": "\(from.joined(separator: ","))", "rows": "\(rows)"]
        guard missing > 0 else {
            log.info("history is filled", metadata: metadata)
            return
        }
        metadata["hosts"] = "\(all.count)"
        metadata["hosts_left"] = "\(missing)"
        metadata["why"] = left.isEmpty ? "too many hosts" : "\(why)"
        log.info("history is filled in part", metadata: metadata)
    }

    /// Asks one agent about one host after the other, until it fails too often or the time is up.
    private func fill(_ hosts: [String], from peer: Peer, until deadline: Instant) -> Yield {
        var (yield, failures) = (Yield(), 0)
        for (index, host) in hosts.enumerated() {
            let isLate = Instant.now() >= deadline
            if isLate { yield.why = "the time is up" }
            guard failures < HistoryFetch.failuresMax, !isLate else {
                yield.left += hosts[index...]
                break
            }
            if yield.rows == 0, index >= HistoryFetch.strangersMax { break }
            do throws(TransferFault) {
                for from in ["24h", "15m"] {
                    yield.rows += try fetch(host, from: from, peer, until: deadline)
                }
            } catch {
                failures += 1
                yield.left.append(host)
                yield.why = "\(peer.host) at \(peer.api): \(error)"
            }
        }
        return yield
    }

    private func fetch(
        _ host: String, from: String, _ peer: Peer, until deadline: Instant
    ) throws(TransferFault) -> Int {
        // A host's name and a server's address need no more than brackets escaped.
        let name = host.map { $0 == "[" ? "%5B" : $0 == "]" ? "%5D" : String($0) }.joined()
        var transfer = Transfer(url: "http://\(peer.api)/v1/hosts/\(name)/history?from=\(from)")
        transfer.timeoutMilliseconds = HistoryFetch.timeoutMilliseconds
        if let token { transfer.headers = ["Authorization: Bearer \(token.revealed)"] }
        var answer = try transfer.perform()
        // Asked too often, which a large troop makes sure of: no fault, the rest comes a second later.
        while answer.status == 429 {
            guard Instant.now().advanced(milliseconds: HistoryFetch.pauseMilliseconds) < deadline else {
                throw .failed("the time is up")
            }
            usleep(UInt32(HistoryFetch.pauseMilliseconds) * 1000)
            answer = try transfer.perform()
        }
        guard answer.status == 200 else {
            // It does not know this host, or does not keep history: no fault.
            if answer.status == 404 || answer.status == 503 { return 0 }
            throw .failed("status \(answer.status)")
        }
        guard let document = try? JSONForm.document(HistoryAnswer.self, from: answer.body) else {
            throw .failed("an answer that is no history")
        }
        return keeper.fill(host, with: document, from: peer.host, at: .now())
    }
}
