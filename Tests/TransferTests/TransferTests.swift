import Glibc
import Linux
import Peer
import Testing
import Transfer

@Suite struct TransferTests {
    /// Performs on a thread of its own: a blocked pool could not run the server's handler.
    private func perform(_ transfer: Transfer) async -> Result<Transfer.Answer, TransferFault> {
        await withCheckedContinuation { continuation in
            let thread = try? Thread.start(named: "transfer") {
                do throws(TransferFault) {
                    continuation.resume(returning: .success(try transfer.perform()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            guard let thread else { return continuation.resume(returning: .failure(.failed("no thread"))) }
            thread.detach()
        }
    }

    @Test func aUnixSocketIsAsked() async throws {
        let path = "/tmp/troop-transfer-\(getpid()).sock"
        let server = try HTTPServer(named: "test") { request in
            .text(404, "\(request.method) \(request.path) \(String(decoding: request.body, as: UTF8.self))")
        }
        try server.listen(socket: path)
        try server.start()
        defer { server.stop() }
        var transfer = Transfer(url: "http://localhost/a?b=1")
        transfer.socket = path
        transfer.method = "POST"
        transfer.json = Array("{\"x\":1}".utf8)
        let answer = try await perform(transfer).get()
        #expect(answer.status == 404, "every status is an answer")
        #expect(String(decoding: answer.body, as: UTF8.self) == "POST /a {\"x\":1}\n")
    }

    @Test func aMissingSocketIsRefused() async {
        var transfer = Transfer(url: "http://localhost/")
        transfer.socket = "/nowhere/agent.sock"
        guard case .failure(.refused) = await perform(transfer) else {
            Issue.record("nobody listens there")
            return
        }
    }

    @Test func otherProtocolsAreNotSpoken() async {
        guard case .failure(.failed) = await perform(Transfer(url: "file:///etc/hostname")) else {
            Issue.record("only HTTP is asked for")
            return
        }
    }

    @Test func aSilentPeerIsATimeout() async throws {
        let path = "/tmp/troop-transfer-slow-\(getpid()).sock"
        let server = try HTTPServer(named: "test") { _ in
            try? await Task.sleep(for: .seconds(30))
            return .text(200, "late")
        }
        try server.listen(socket: path)
        try server.start()
        defer { server.stop() }
        var transfer = Transfer(url: "http://localhost/")
        transfer.socket = path
        transfer.timeoutMilliseconds = 100
        guard case .failure(.timeout) = await perform(transfer) else {
            Issue.record("no answer came")
            return
        }
    }
}
