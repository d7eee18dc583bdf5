import Fixtures
import Glibc
import Linux
import Peer
import Testing
import Transfer

/// WebSockets that are open while their agent is replaced by a new program: the old process keeps them for
/// `proxy.handover_drain`, the new one serves those that come.
@Suite(.serialized) struct UpgradedConnectionTests {
    private static let request =
        "GET /chat HTTP/1.1\r\nHost: x.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    private static let agreement =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

    /// A server that agrees to every upgrade, sends back whatever comes from there on, and is well.
    private func echo() throws -> LoopbackListener {
        let listener = try LoopbackListener()
        try listener.start { connection in
            var bytes: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 65_536)
            func say(_ content: [UInt8]) {
                var sent = 0
                while sent < content.count {
                    let rest = Array(content[sent...])
                    let count = send(connection, rest, rest.count, Int32(MSG_NOSIGNAL))
                    guard count > 0 else { return }
                    sent += count
                }
            }
            var isUpgraded = false
            while case let count = recv(connection, &chunk, chunk.count, 0), count > 0 {
                bytes += chunk[..<count]
                if !isUpgraded, let end = LoadAnswer.endOfHead(in: bytes) {
                    let head = String(decoding: bytes[..<end], as: UTF8.self).lowercased()
                    bytes.removeSubrange(..<(end + 4))
                    isUpgraded = head.contains("\r\nupgrade: websocket")
                    say(
                        Array(
                            (isUpgraded
                                ? UpgradedConnectionTests.agreement
                                : "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell").utf8))
                }
                guard isUpgraded else { continue }
                say(bytes)
                bytes = []
            }
        }
        return listener
    }

    private func begin(_ server: LoopbackListener, drain: String) async throws -> Ensemble {
        let troop = try Ensemble(["a"], proxy: ["handover_drain: \(drain)"])
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 1) }
        try #require(isUp, "\(troop.logs)")
        #expect(try troop.command("a", "servers", "add", server.address).code == 0)
        let isListed = await eventually(within: 20_000) {
            troop.status()?.servers.contains { $0.address == server.address && $0.healthy == true } ?? false
        }
        try #require(isListed, "\(troop.logs)")
        return troop
    }

    /// A WebSocket through the proxy. The sample application, which is asked as well, knows none.
    private func open(_ troop: Ensemble) async throws -> Conversation {
        var open: Conversation?
        _ = try await eventually(within: 20_000) {
            let conversation = try Conversation(with: troop.proxyPort)
            conversation.send(Array(UpgradedConnectionTests.request.utf8))
            if conversation.head()?.hasPrefix("HTTP/1.1 101 ") == true { open = conversation }
            return open != nil
        }
        return try #require(open, "\(troop.logs)")
    }

    /// Sends bytes and has them back.
    private func isEchoed(_ conversation: Conversation, _ count: Int) -> Bool {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        return conversation.send(bytes) && conversation.take(count) == bytes
    }

    /// How many WebSockets the agent that answers now relays.
    private func relayed(_ troop: Ensemble) -> String? {
        var transfer = Transfer(url: "http://127.0.0.1:\(troop.members[0].apiPort)/metrics")
        transfer.timeoutMilliseconds = 3000
        guard let answer = try? transfer.perform() else { return nil }
        let text = String(decoding: answer.body, as: UTF8.self)
        let name = "\ntroop_proxy_upgraded_connections "
        return text.firstRange(of: name).map { String(text[$0.upperBound...].prefix { $0.isNumber }) }
    }

    private func upgrade(_ troop: Ensemble) throws -> pid_t {
        let (code, output) = try troop.command("a", "upgrade", "-o", "json")
        try #require(code == 0, "\(output)\n\(troop.logs)")
        return try JSONForm.document(UpgradeDocument.self, from: Array(output.utf8)).pid
    }

    /// A troop whose agent was upgraded while it relayed a WebSocket: that, the old process and the new one.
    private func upgraded(
        _ server: LoopbackListener, drain: String
    ) async throws -> (troop: Ensemble, first: Conversation, old: Program, successor: pid_t) {
        let troop = try await begin(server, drain: drain)
        let first = try await open(troop)
        #expect(isFrameEchoed(first))
        let old = try troop.agent("a")
        return (troop, first, old, try upgrade(troop))
    }

    /// Sends a whole frame and has it back: behind one a Close may follow.
    private func isFrameEchoed(_ conversation: Conversation) -> Bool {
        let frame: [UInt8] = [0x82, 3, 1, 2, 3]
        return conversation.send(frame) && conversation.take(frame.count) == frame
    }

    @Test(.timeLimit(.minutes(2))) func theOldProcessKeepsThemUntilTheyEnd() async throws {
        let server = try echo()
        defer { server.stop() }
        let troop = try await begin(server, drain: "60s")
        let first = try await open(troop)
        #expect(isEchoed(first, 5))
        #expect(await eventually { relayed(troop) == "1" })
        let old = try troop.agent("a")

        let successor = try upgrade(troop)
        defer { kill(successor, SIGKILL) }
        #expect(successor != old.id)
        for count in [1, 20_000] { #expect(isEchoed(first, count), "\(troop.logs)") }
        // The new process has not taken it over, and serves those that come now.
        #expect(await eventually { relayed(troop) == "0" }, "\(troop.logs)")
        let second = try await open(troop)
        #expect(await eventually { relayed(troop) == "1" }, "\(troop.logs)")
        for count in [1, 20_000] {
            #expect(isEchoed(second, count), "\(troop.logs)")
            #expect(isEchoed(first, count), "\(troop.logs)")
        }
        #expect(old.exitCode == nil, "it has a connection left\n\(troop.logs)")

        first.finish()
        #expect(first.isAtEnd(), "\(troop.logs)")
        #expect(old.wait() == 0, "\(troop.logs)")
        #expect(old.output.contains("connections_cut=0"), "\(troop.logs)")
        #expect(isEchoed(second, 20_000), "\(troop.logs)")
    }

    /// It routes nothing new, but what it has ends with the servers that are drained.
    @Test(.timeLimit(.minutes(2))) func theOldProcessHearsOfServersThatDrain() async throws {
        let server = try echo()
        defer { server.stop() }
        let (troop, first, old, successor) = try await upgraded(server, drain: "60s")
        defer { kill(successor, SIGKILL) }
        #expect(isFrameEchoed(first))
        #expect(try troop.command("a", "servers", "add", server.address, "--state", "draining").code == 0)
        #expect(first.take(4) == [0x88, 2, 0x03, 0xe9], "\(troop.logs)")
        first.finish()
        #expect(old.wait() == 0, "\(troop.logs)")
        #expect(old.output.contains("connections_cut=0"), "\(troop.logs)")
        // The entry is the person's still: the old process has written nothing.
        #expect(troop.status()?.servers.first { $0.address == server.address }?.state == "draining")
    }

    @Test(.timeLimit(.minutes(2))) func theyEndWithTheDrain() async throws {
        let server = try echo()
        defer { server.stop() }
        let (troop, first, old, successor) = try await upgraded(server, drain: "500ms")
        defer { kill(successor, SIGKILL) }
        // It is told to go (1001), and does not: nobody ends it but the proxy.
        #expect(first.take(4) == [0x88, 2, 0x03, 0xe9], "\(troop.logs)")
        #expect(first.isAtEnd(), "\(troop.logs)")
        #expect(old.wait() == 0, "\(troop.logs)")
        #expect(old.output.contains("connections_cut=1"), "\(troop.logs)")
        let second = try await open(troop)
        #expect(isEchoed(second, 20_000), "\(troop.logs)")
    }
}
