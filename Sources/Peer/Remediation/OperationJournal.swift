import FoundationEssentials
package import Remediation
package import Store

/// Operations as they are kept in Redis: opened, written step by step, read again by the next leader.
package struct OperationJournal: Sendable {
    let store: Store
    let keys: Keys

    /// Operations of one class are counted together.
    enum Class: String, Sendable { case launch, treat }

    /// How long an operation that has ended can be read in full, in milliseconds: 30 days.
    static let lifeMilliseconds: Int64 = 2_592_000_000
    /// How long an agent may take to claim an order, in milliseconds.
    static let orderMilliseconds: Int64 = 60_000

    /// The journal of one troop.
    package init(store: Store, keys: Keys) {
        self.store = store
        self.keys = keys
    }

    /// What became of a writing.
    enum Written: Sendable {
        case ok
        /// The effect is not to be had; why.
        case refused(String)
        /// Somebody else wrote it; what stands there now, nil for nothing that makes sense.
        case stale(Operation?)
    }

    /// A command that is settled in the same step as what it asked for.
    struct Settlement: Sendable, Equatable {
        /// The command's id.
        var command: String
        /// What the person is told.
        var text: String
    }

    /// Opens operations of one class, all or none; returns why not, or nil when they are open.
    func open(
        _ operations: [Operation], concurrent: Int, budget: Int?, byPolicy: Bool,
        settling settlement: Settlement? = nil, token: String
    ) async throws(StoreFault) -> String? {
        let kind: Class = operations.first?.kind == .launch ? .launch : .treat
        var arguments = [
            token, kind.rawValue, "\(concurrent)", "\(budget ?? -1)", keys.operation(""),
            byPolicy ? "1" : "0",
            settlement?.text ?? "", "\(LeaderCommand.outcomeMilliseconds)",
        ]
        for operation in operations {
            arguments += [
                operation.id, OperationJournal.text(operation), operation.target, operation.state.rawValue,
                operation.step.rawValue,
            ]
        }
        let reply = try await store.run(
            OperationScripts.open,
            keys: [
                keys.lease, keys.operations, keys.operationsOpened, keys.config, keys.news,
                keys.command(settlement?.command ?? "none"),
            ] + operations.map { keys.operation($0.id) }, arguments: arguments)
        guard let parts = reply.elements, let first = parts.first?.integer else {
            return "Redis's answer is malformed"
        }
        return first == 1 ? nil : (parts.count > 1 ? parts[1].text : nil) ?? "refused"
    }

    /// Writes an operation and its effect; `quarantine` puts the target there.
    func save(
        _ operation: Operation, after revision: Int64, _ effect: Effect, quarantine: Bool, wallMs: Int64,
        settling settlement: Settlement? = nil, token: String
    ) async throws(StoreFault) -> Written {
        let (word, server, reason, order) = OperationJournal.words(effect, operation)
        let why = reason.isEmpty ? operation.fault : reason
        let arguments = [
            token, operation.id, "\(revision)", OperationJournal.text(operation), operation.state.rawValue,
            operation.step.rawValue, operation.state.hasEnded ? "1" : "0", word, server, why,
            order.map { OperationJournal.orderID(operation, $0) } ?? "", order?.rawValue ?? "",
            "\(operation.epoch)",
            "\(OperationJournal.orderMilliseconds)",
            quarantine ? RemediationSwitches.quarantinePrefix + operation.target : "", "\(wallMs)",
            keys.operation(""),
            "\(OperationJournal.lifeMilliseconds)", settlement?.text ?? "",
            "\(LeaderCommand.outcomeMilliseconds)", operation.bootID,
        ]
        let reply = try await store.run(
            OperationScripts.save,
            keys: [
                keys.lease, keys.operation(operation.id), keys.operations, keys.operationsHistory,
                keys.servers,
                keys.news, keys.orders(operation.target), keys.config,
                keys.command(settlement?.command ?? "none"),
            ], arguments: arguments)
        let parts = reply.elements ?? []
        let text = parts.count > 1 ? parts[1].text ?? "" : ""
        switch parts.first?.text {
        case "ok": return .ok
        case "refused": return .refused(text)
        default: return .stale(OperationJournal.operation(text))
        }
    }

    private static func words(
        _ effect: Effect, _ operation: Operation
    ) -> (word: String, server: String, reason: String, order: Effect.Order?) {
        switch effect {
        case .none: ("", "", "", nil)
        case .drain:
            (
                "drain", operation.server, "\(operation.kind.rawValue) \(operation.id): \(operation.reason)",
                nil
            )
        case .restore: ("restore", operation.server, "", nil)
        case .putOut(let why):
            ("out", operation.server, "\(operation.kind.rawValue) \(operation.id) failed: \(why)", nil)
        case .remove(let server): ("remove", server, "", nil)
        case .order(let order): ("order", "", "", order)
        case .withdraw(let order): ("withdraw", "", "", order)
        }
    }

    /// The id of an order: one for each rung and kind, so that an agent carries it out once.
    static func orderID(_ operation: Operation, _ order: Effect.Order) -> String {
        "\(operation.id).\(operation.rung).\(order.rawValue)"
    }

    /// What became of the order that the operation's step is about.
    /// The second of the answer: whether people have paused the troop, read at the same moment.
    func order(of operation: Operation) async throws(StoreFault) -> (Facts.Order, isPaused: Bool) {
        let order: Effect.Order?
        switch operation.step {
        case .reboot, .prove: order = .reboot
        case .application, .restart: order = .restart
        case .launch, .boot, .provision, .production, .join, .preflight, .drain, .healthy, .return, .stop,
            .stopped,
            .power, .retire, .remove, .undo:
            order = nil
        }
        var questions = [Question("HGET", keys.config, PauseSwitch.field)]
        if let order {
            let id = OperationJournal.orderID(operation, order)
            questions.append(Question("HGET", keys.operation(operation.id), "order:\(id)"))
        }
        let replies = try await store.ask(questions)
        for case .error(let error) in replies { throw .rejected(error) }
        let isPaused = replies.first?.text != nil
        return (order == nil ? .none : OperationJournal.order(replies.last?.text), isPaused)
    }

    private static func order(_ text: String?) -> Facts.Order {
        guard let text else { return .none }
        switch text {
        case "waiting": return .waiting
        case "claimed": return .claimed
        case "done": return .done
        case "withdrawn": return .withdrawn
        default: return .failed(String(text.dropFirst(text.hasPrefix("failed: ") ? 8 : 0)))
        }
    }

    /// Operations that have not ended.
    func open() async throws(StoreFault) -> [Operation] { try await underWay().operations }

    /// One operation; nil when there is none, or it makes no sense.
    package func operation(_ id: String) async throws(StoreFault) -> Operation? {
        guard OperationJournal.isID(id) else { return nil }
        let reply = try await store.call(Command("HMGET", keys.operation(id), "json", "revision"))
        guard let parts = reply.elements, parts.count == 2, let json = parts[0].text,
            let revision = OperationJournal.revision(parts[1].text),
            var found = OperationJournal.operation(json), found.id == id
        else { return nil }
        found.revision = revision
        return found
    }

    /// Operations that ended, the newest first, with how long ago by Redis's clock, in milliseconds.
    package func ended(count: Int) async throws(StoreFault) -> [(
        operation: Operation, agoMilliseconds: Int64
    )] {
        let replies = try await store.pipeline([
            Command("TIME"), Command("XREVRANGE", keys.operationsHistory, "+", "-", "COUNT", "\(count)"),
        ])
        guard replies.count == 2 else { return [] }
        let now = replies[0].storeMilliseconds ?? 0
        return (replies[1].elements ?? []).compactMap { entry in
            guard let parts = entry.elements, parts.count == 2, let id = parts[0].text,
                let fields = parts[1].elements, fields.count == 2, let json = fields[1].text,
                let operation = OperationJournal.operation(json)
            else { return nil }
            let at = id.split(separator: "-").first.flatMap { Int64($0) } ?? now
            return (operation, max(0, now - at))
        }
    }

    /// The last lines of an operation's log, oldest first.
    package func log(of id: String, count: Int = 2000) async throws(StoreFault) -> [String] {
        guard OperationJournal.isID(id) else { return [] }
        let reply = try await store.call(
            Command("XREVRANGE", keys.operationLog(id), "+", "-", "COUNT", "\(count)"))
        return (reply.elements ?? []).reversed().compactMap { $0.elements?.last?.elements?.last?.text }
    }

    /// Adds lines to an operation's log.
    func append(_ lines: [String], to id: String, token: String) async throws(StoreFault) {
        guard !lines.isEmpty else { return }
        _ = try await store.run(
            OperationScripts.log, keys: [keys.lease, keys.operationLog(id)],
            arguments: [token, "\(OperationJournal.lifeMilliseconds)"] + lines)
    }

    /// Whether a text can name an operation.
    package static func isID(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (48...57).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "-")
            }
    }

    static func text(_ operation: Operation) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(operation) else { return "" }
        return String(decoding: data, as: UTF8.self)
    }

    static func operation(_ json: String) -> Operation? {
        guard json.utf8.count <= OperationJournal.bytesMax else { return nil }
        let found = try? JSONDecoder().decode(Operation.self, from: Data(json.utf8))
        return found.flatMap { $0.isPlausible ? $0 : nil }
    }

    /// A revision as it stands in Redis; nil for what no leader can have written.
    static func revision(_ text: String?) -> Int64? {
        text.flatMap { Int64($0) }.flatMap { (0...Operation.numberMax).contains($0) ? $0 : nil }
    }

    /// Longer values are taken for garbage, in bytes.
    private static let bytesMax = 262_144
}
