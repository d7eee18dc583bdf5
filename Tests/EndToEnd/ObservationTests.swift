import Fixtures
import Glibc
import Linux
import Peer
import Testing
import Transfer

/// What a running agent lets be seen of its proxy: the access log and the metrics.
@Suite(.serialized) struct ObservationTests {
    private func lines(of path: String) -> [Substring] {
        guard access(path, R_OK) == 0 else { return [] }
        return Program.text(of: path).split(separator: "\n")
    }

    @Test(.timeLimit(.minutes(2))) func requestsAreLoggedAndCounted() async throws {
        let troop = try Ensemble(["a"])
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 1) }
        try #require(isUp, "\(troop.logs)")
        let log = "\(troop.folder)/a.access"

        #expect(troop.get("/?seen")?.status == 200)
        let isLogged = await eventually(within: 5_000) {
            lines(of: log).contains { $0.contains("\"/?seen\"") }
        }
        #expect(isLogged, "\(troop.logs)")
        let line = try #require(lines(of: log).first { $0.contains("\"/?seen\"") })
        let epoch = try #require(troop.status()?.leader?.epoch)
        #expect(line.hasSuffix(" epoch=\(epoch)"))
        #expect(
            line.contains(" client=127.0.0.1 ") && line.contains(" status=200 ")
                && line.contains(" end=done "))

        var transfer = Transfer(url: "http://127.0.0.1:\(try troop.member("a").apiPort)/metrics")
        transfer.timeoutMilliseconds = 3000
        let metrics = try transfer.perform()
        #expect(metrics.status == 200)
        let text = String(decoding: metrics.body, as: UTF8.self)
        #expect(text.contains("\ntroop_proxy_listening 1\n"))
        #expect(text.contains("\ntroop_proxy_server_info{server=\"127.0.0.1:"))

        #expect(rename(log, log + ".1") == 0)
        try troop.agent("a").signal(SIGUSR1)
        let isNew = await eventually(within: 5_000) { access(log, F_OK) == 0 }
        #expect(isNew, "\(troop.logs)")
        #expect(troop.get("/?anew")?.status == 200)
        let isThere = await eventually(within: 5_000) {
            lines(of: log).contains { $0.contains("\"/?anew\"") }
        }
        #expect(isThere)
        #expect(!lines(of: log + ".1").contains { $0.contains("\"/?anew\"") })
        #expect(try troop.terminateAgent("a") == 0)
    }
}
