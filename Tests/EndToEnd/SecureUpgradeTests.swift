import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// An upgrade hands the listening sockets for TLS over, and not only the plain ones.
@Suite(.serialized) struct SecureUpgradeTests {
    /// The numbers of the sockets that listen at a port of 127.0.0.1.
    private func listeners(at port: UInt16) -> Set<String> {
        let digits = String(port, radix: 16, uppercase: true)
        let place = "0100007F:" + String(repeating: "0", count: 4 - digits.count) + digits
        var numbers: Set<String> = []
        for line in Program.text(of: "/proc/net/tcp").split(separator: "\n") {
            let words = line.split(separator: " ")
            // Its state 0A is that of listening sockets.
            if words.count > 9, words[1] == place, words[3] == "0A" { numbers.insert(String(words[9])) }
        }
        return numbers
    }

    /// The answer to a request by TLS; empty when there is none.
    private func ask(_ port: UInt16, _ certificates: TestCertificates) -> String {
        let answer = "\(certificates.folder)/answer"
        unlink(answer)
        let words = [
            "curl", "-s", "-o", answer, "--cacert", certificates.certificate("ca"),
            "https://127.0.0.1:\(port)/",
        ]
        guard (try? RedisServer.runToEnd(words, log: "\(certificates.folder)/log")) != nil else { return "" }
        return Program.text(of: answer)
    }

    @Test(.timeLimit(.minutes(2))) func theSocketsStayTheSame() async throws {
        let certificates = try TestCertificates()
        let port = try RedisServer.freePort()
        let troop = try Ensemble(
            ["a"],
            proxy: [
                "tls:", "  listen: \"127.0.0.1:\(port)\"",
                "  certificates: [\(certificates.certificate("server"))]",
                "  keys: [\(certificates.key("server"))]",
            ])
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 1) }
        try #require(isUp, "\(troop.logs)")
        #expect(ask(port, certificates).contains("hello from app-a"), "\(troop.logs)")
        let plain = listeners(at: troop.proxyPort)
        let secure = listeners(at: port)
        #expect(plain.count == 1 && secure.count == 1)

        let (code, output) = try troop.command("a", "upgrade", "-o", "json")
        try #require(code == 0, "\(output)\n\(troop.logs)")
        let successor = try JSONForm.document(UpgradeDocument.self, from: Array(output.utf8)).pid
        defer { kill(successor, SIGKILL) }
        #expect(try troop.agent("a").wait() == 0, "\(troop.logs)")
        #expect(listeners(at: troop.proxyPort) == plain, "\(troop.logs)")
        #expect(listeners(at: port) == secure, "\(troop.logs)")
        let isServed = await eventually { ask(port, certificates).contains("hello from app-a") }
        #expect(isServed, "\(troop.logs)")
    }
}
