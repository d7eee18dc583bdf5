import ArgumentParser
import Glibc
import Peer
import Transfer

/// Options of every command that asks the local agent.
struct AgentOptions: ParsableArguments {
    @Option(
        name: .long,
        help: "The agent's unix socket (default: $TROOP_SOCKET, else /run/troop/agent.sock).")
    var socket: String?

    /// The socket to ask.
    var path: String {
        if let socket { return socket }
        if let variable = getenv("TROOP_SOCKET"), variable.pointee != 0 { return String(cString: variable) }
        return "/run/troop/agent.sock"
    }

    /// The local agent.
    var client: AgentClient { AgentClient(socket: path) }
}

/// Asks the local agent over its unix socket.
struct AgentClient {
    let socket: String

    /// Gets a document; what only a leader tells ends the command with exit code 2 while nobody leads.
    func get<Document: Decodable>(_ type: Document.Type, _ path: String) throws -> Document {
        try read(type, send("GET", path), conflict: ExitStatus.noLeader)
    }

    /// Why a live view has no new status: one line.
    struct Silence: Error, CustomStringConvertible { let description: String }

    /// The status, for a view that goes on without it: nothing is written, the error is a line.
    func status() throws(Silence) -> Status {
        var transfer = Transfer(url: "http://localhost/v1/status")
        transfer.socket = socket
        let answer: Transfer.Answer
        do {
            answer = try transfer.perform()
        } catch {
            throw Silence(description: "no agent answers at \(socket): \(why(error))")
        }
        guard answer.status == 200, let status = try? Status(json: answer.body) else {
            throw Silence(description: "the agent answered \(answer.status)")
        }
        return status
    }

    /// The status of the whole troop.
    func troop() throws -> Status {
        let answer = try send("GET", "/v1/status")
        if answer.status == 200, let status = try? Status(json: answer.body) { return status }
        return try read(Status.self, answer)
    }

    /// Asks for an upgrade, which takes its time.
    func upgrade(_ json: [UInt8]) throws -> UpgradeDocument {
        try read(UpgradeDocument.self, send("POST", "/v1/upgrade", json, within: 30_000))
    }

    /// Asks for a dry run of the provider, which may be throttled for a while.
    func testProvider() throws -> ProviderTestDocument {
        try read(ProviderTestDocument.self, send("POST", "/v1/provider/test", [], within: 120_000))
    }

    /// Sends a change and reads its outcome.
    func change(_ method: String, _ path: String, _ json: [UInt8] = []) throws -> ChangeDocument {
        try read(ChangeDocument.self, send(method, path, json))
    }

    /// Sends what a person asks and reads what became of it; a refusal is told and ends the command with exit code 1.
    func send<Document: Decodable>(
        _ type: Document.Type, _ method: String, _ path: String, _ json: [UInt8]
    ) throws -> Document {
        try read(type, send(method, path, json, within: AgentClient.leaderMilliseconds))
    }

    /// Asks the agent and returns what it answers, whatever that is.
    func exchange(_ method: String, _ path: String, _ json: [UInt8] = []) throws -> Transfer.Answer {
        try send(method, path, json)
    }

    /// What the leader is asked may take until it has answered and its successor leads, in milliseconds.
    private static let leaderMilliseconds = 15_000

    private func send(
        _ method: String, _ path: String, _ json: [UInt8] = [], within milliseconds: Int? = nil
    ) throws -> Transfer.Answer {
        var transfer = Transfer(url: "http://localhost\(path)")
        if let milliseconds { transfer.timeoutMilliseconds = milliseconds }
        transfer.method = method
        transfer.json = json
        transfer.socket = socket
        if let milliseconds { transfer.timeoutMilliseconds = milliseconds }
        do {
            return try transfer.perform()
        } catch {
            ExitStatus.complain("no agent answers at \(socket): \(why(error))")
            throw ExitStatus.noAgent
        }
    }

    private func why(_ fault: TransferFault) -> String {
        guard access(socket, F_OK) == 0 else {
            return
                "there is no such socket. Is the agent running here? Name another with --socket or TROOP_SOCKET"
        }
        guard access(socket, W_OK) == 0 else {
            return "permission denied. Run as root or as a member of the socket's group"
        }
        switch fault {
        case .refused: return "nobody listens. The agent has stopped; start it, or look at its log"
        case .timeout: return "no answer in time. The agent hangs or is overloaded; look at its log"
        case .failed(let text): return text
        }
    }

    private func read<Document: Decodable>(
        _ type: Document.Type, _ answer: Transfer.Answer, conflict: ExitCode = ExitStatus.degraded
    ) throws -> Document {
        if answer.status == 200, let document = try? JSONForm.document(type, from: answer.body) {
            return document
        }
        let sentence = (try? JSONForm.document([String: String].self, from: answer.body))?["error"]
        ExitStatus.complain(
            sentence.map { Table.printable($0) }
                ?? "the agent answered \(answer.status); do agent and command have one version?")
        switch answer.status {
        case 409: throw conflict
        case 503: throw ExitStatus.storeUnreachable
        default: throw ExitStatus.degraded
        }
    }
}
