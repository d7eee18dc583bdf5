package import Linux
package import Logging
package import Store
import Synchronization
import Transfer

/// Asks another agent for the history that this one has not seen, on a thread of its own.
package final class HistoryFetch: Sendable {
    /// Agents that are asked, one after the other, until one answers.
    static let peersMax = 3
    /// Hosts that are asked about, at most.
    static let hostsMax = 5000
    /// Failures at one agent after which the next one is asked.
    private static let failuresMax = 3
    /// How long one answer may take, in milliseconds.
    private static let timeoutMilliseconds = 2000
    /// How long everything may take, in milliseconds.
    private static let patienceMilliseconds: Int64 = 60_000

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
    private let log: Logger
    private let isUnderWay = Atomic<Bool>(false)

    /// A fetch into `keeper`; `token` is shown to the agents asked.
    package init(keeper: HistoryKeeper, token: Secret?, log: Logger) {
        self.keeper = keeper
        self.token = token
        self.log = log
    }

    /// The agents to ask, the leader first: those that report, and told where their API answers.
    package static func peers(of own: String, leader: String?, in book: HostBook, at now: Instant) -> [Peer] {
        let peers = book.pages.compactMap { name, page -> Peer? in
            guard name != own, let report = page.report, let text = report.api,
                let address = try? SocketAddress(text), let age = book.age(of: name, at: now),
                HostBook.liveness(
                    ageMilliseconds: age, intervalMilliseconds: report.intervalMilliseconds) == .up
            else { return nil }
            return Peer(host: name, api: address)
        }
        return Array(
            peers.sorted { ($0.host == leader ? 0 : 1, $0.host) < ($1.host == leader ? 0 : 1, $1.host) }
                .prefix(peersMax))
    }

    /// Begins to ask; at most one fetch is under way.
    package func begin(_ peers: [Peer]) {
        guard !peers.isEmpty else {
            log.info("history starts empty: no other agent's API can be reached (api.listen is on loopback)")
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
        let deadline = Instant.now().advanced(milliseconds: HistoryFetch.patienceMilliseconds)
        let hosts = keeper.hosts.prefix(HistoryFetch.hostsMax)
        var why = "no agent remembers more"
        for peer in peers {
            var (rows, failures) = (0, 0)
            for host in hosts where failures < HistoryFetch.failuresMax && Instant.now() < deadline {
                for from in ["24h", "15m"] {
                    do throws(TransferFault) {
                        rows += try fetch(host, from: from, peer)
                    } catch {
                        failures += 1
                        why = "\(peer.host) at \(peer.api): \(error)"
                    }
                }
            }
            if rows > 0 {
                log.info("history is filled", metadata: ["from": "\(peer.host)", "rows": "\(rows)"])
                return
            }
        }
        log.info("history starts empty", metadata: ["why": "\(why)"])
    }

    private func fetch(_ host: String, from: String, _ peer: Peer) throws(TransferFault) -> Int {
        // A host's name and a server's address need no more than brackets escaped.
        let name = host.map { $0 == "[" ? "%5B" : $0 == "]" ? "%5D" : String($0) }.joined()
        var transfer = Transfer(url: "http://\(peer.api)/v1/hosts/\(name)/history?from=\(from)")
        transfer.timeoutMilliseconds = HistoryFetch.timeoutMilliseconds
        if let token { transfer.headers = ["Authorization: Bearer \(token.revealed)"] }
        let answer = try transfer.perform()
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
