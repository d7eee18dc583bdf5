import Remediation
package import Store

/// What people ask about and of the monkeys, through any agent.
///
/// | route | answer |
/// |---|---|
/// | `GET /v1/monkeys` | `MonkeysDocument`; 503 while no leader publishes one |
/// | `GET /v1/operations?count=N` | `OperationsDocument` |
/// | `GET /v1/operations/ID?log=1` | `OperationDocument` |
/// | `POST /v1/remedies` | `RemedyDocument`: `{"do","target","value","reason","by"}`; socket only |
package struct RemediationRoutes: Sendable {
    private let store: Store
    private let keys: Keys
    private let queue: CommandQueue
    private let journal: OperationJournal

    private static let endedDefault = 20
    private static let endedMax = 1000

    /// Routes over the parts of one agent.
    package init(store: Store, keys: Keys, queue: CommandQueue) {
        self.store = store
        self.keys = keys
        self.queue = queue
        journal = OperationJournal(store: store, keys: keys)
    }

    /// Whether a path is one of these.
    static func has(_ path: String) -> Bool {
        path == "/v1/monkeys" || path == "/v1/operations" || path.hasPrefix("/v1/operations/")
            || path == "/v1/remedies"
    }

    /// Answers a request for one of these paths.
    func answer(_ request: Request) async -> Response {
        let isGet = request.method == "GET" || request.method == "HEAD"
        if request.path == "/v1/remedies" {
            guard request.method == "POST" else { return .notAllowed("POST") }
            guard request.door == .socket else {
                return .error(
                    403,
                    "this listener is read-only; make changes through the agent's socket (the troop command)")
            }
            return await ask(request.body)
        }
        guard isGet else { return .notAllowed("GET, HEAD") }
        do throws(StoreFault) {
            switch request.path {
            case "/v1/monkeys": return try await monkeys()
            case "/v1/operations": return try await operations(request)
            default:
                return try await operation(request)
            }
        } catch {
            return .error(error.kind == .retry ? 503 : 502, "\(error)")
        }
    }

    private func monkeys() async throws(StoreFault) -> Response {
        guard let found = try await RemediationRoutes.document(store, keys) else {
            return .error(409, "no leader tells what the monkeys think; see 'troop status'")
        }
        return .json(200, found)
    }

    /// What the leader published last; nil for nothing, or nothing that makes sense.
    static func document(_ store: Store, _ keys: Keys) async throws(StoreFault) -> MonkeysDocument? {
        let reply = try await store.call(Command("GET", keys.monkeys))
        return reply.text.flatMap { try? JSONForm.document(MonkeysDocument.self, from: Array($0.utf8)) }
    }

    private func operations(_ request: Request) async throws(StoreFault) -> Response {
        var count = RemediationRoutes.endedDefault
        if let text = request.query["count"] {
            guard let number = Int(text), (0...RemediationRoutes.endedMax).contains(number) else {
                return .error(
                    400, "count is '\(text.prefix(20))'; expected 0 to \(RemediationRoutes.endedMax)")
            }
            count = number
        }
        let open = try await journal.open().filter { !$0.state.hasEnded }
        let ended = count == 0 ? [] : try await journal.ended(count: count).map(\.operation)
        return .json(200, OperationsDocument(operations: (open + ended).map { OperationLine($0) }))
    }

    private func operation(_ request: Request) async throws(StoreFault) -> Response {
        let withLog: Bool
        switch request.query["log"] {
        case nil, "0": withLog = false
        case "1": withLog = true
        case let word?: return .error(400, "log is '\(shown(word))'; expected 1 or 0")
        }
        let id = String(request.path.dropFirst("/v1/operations/".count))
        guard OperationJournal.isID(id), let found = try await journal.operation(id) else {
            return .error(404, "there is no operation '\(id.prefix(64))'; 'troop operations list' shows them")
        }
        return .json(200, OperationDocument(found, log: withLog ? try await journal.log(of: id) : []))
    }

    private func ask(_ body: [UInt8]) async -> Response {
        let command: LeaderCommand
        do throws(FormFault) {
            command = try RemedyForm.command(body)
        } catch {
            return .error(400, error.sentence)
        }
        do throws(StoreFault) {
            return try await queue.ask(command).answer(see: "troop operations list") { text in
                let document = try? JSONForm.document(RemedyDocument.self, from: Array(text.utf8))
                return .json(200, document ?? RemedyDocument(text: text, operations: []))
            }
        } catch {
            return .error(503, error.ofChange)
        }
    }
}
