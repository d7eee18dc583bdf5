import Fixtures
import Peer
import Testing

/// A troop over each way to reach Redis, with no more rights than the documentation asks for.
@Suite(.serialized) struct StoreTransportTests {
    /// A plain TCP port, and a user with the rights of docs/redis-keys.md.
    @Test(.timeLimit(.minutes(2))) func aUserWithTheDocumentedRightsIsEnough() async throws {
        let store = try StoreTransportTests.withDocumentedRights()
        try await lives(store.server, store.lines)
    }

    /// A Redis whose only user has the rights of docs/redis-keys.md, and the lines of `redis:` that reach it.
    static func withDocumentedRights() throws -> (server: RedisServer, lines: String) {
        let rule = try documentedRule().replacing("<cluster>", with: "test").replacing(
            "<password>", with: "s3cret")
        let server = try RedisServer(configuration: [rule, "user default off"])
        return (
            server,
            "{url: \"redis://troop@127.0.0.1:\(server.port)/0\", password_file: \(try passwordFile(server))}"
        )
    }

    @Test(.timeLimit(.minutes(2))) func tlsWithAnAuthorityOfOnesOwn() async throws {
        let certificates = try TestCertificates()
        let server = try RedisServer(password: "s3cret", tls: certificates.files())
        let authority = certificates.certificate("ca")
        try await lives(
            server,
            "{url: \"rediss://127.0.0.1:\(server.port)/0\", password_file: \(try StoreTransportTests.passwordFile(server)), tls: {ca_file: \(authority)}}"
        )
    }

    @Test(.timeLimit(.minutes(2))) func aUnixSocket() async throws {
        let server = try RedisServer()
        try await lives(server, "{url: \"unix://\(server.socketPath)\"}")
    }

    /// The troop elects, serves, follows a change of the list, and fails over, without a notice.
    private func lives(_ server: RedisServer, _ lines: String) async throws {
        let troop = try Ensemble(["a", "b"], store: (server, lines))
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 2) }
        try #require(isUp, "\(troop.logs)")
        #expect(troop.get()?.status == 200)
        #expect(troop.status()?.notices == [])
        #expect(try troop.command("a", "servers", "add", "127.0.0.1:9", "--state", "out").code == 0)
        #expect(try troop.command("b", "history").code == 0)
        let leader = try #require(troop.status()?.leader?.host)
        _ = try troop.killAgent(leader)
        let other = leader == "a" ? "b" : "a"
        let isReplaced = await eventually { troop.status(of: other)?.leader?.host == other }
        #expect(isReplaced, "\(troop.logs)")
        let serves = await eventually { troop.get()?.status == 200 }
        #expect(serves)
        #expect(troop.status(of: other)?.servers.count == 3)
        #expect(!troop.logs.contains("s3cret"))
    }

    private static func passwordFile(_ server: RedisServer) throws -> String {
        let path = "\(server.folder)/password"
        try Ensemble.write("s3cret\n", to: path)
        return path
    }

    /// The line of the page that begins with `user troop`.
    private static func documentedRule() throws -> String {
        let page = Program.text(of: Repository.path("docs/redis-keys.md"))
        return try #require(
            page.split(separator: "\n").first { $0.hasPrefix("user troop ") }.map(String.init))
    }
}
