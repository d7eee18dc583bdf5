import Flags
import Linux
import Store

/// The flags' part of the API: reading for everyone, changes for who may open the socket.
///
/// | route | answer |
/// |---|---|
/// | `GET /v1/flags` | all flags, in short |
/// | `GET /v1/flags/KEY` | one flag's definition; `$evaluators` and `$metadata` are fields, too |
/// | `PUT /v1/flags/KEY` | sets it to the body; `?by=` and `?reason=` |
/// | `POST /v1/flags/KEY` | turns it on or off, rolls it out or back |
/// | `DELETE /v1/flags/KEY` | takes it away |
/// | `GET /v1/flag-history` | `?key=KEY`, `?count=N` |
/// | `GET /v1/flagset`, `POST /v1/flagset` | all of it as a flagd file; `?replace=true` |
package struct FlagRoutes: Sendable {
    private let book: FlagBook
    private let ledger: FlagLedger
    private let events: EventLog
    private let evaluation: OFREPRoutes

    private static let historyCounts = 1...200

    /// Routes over the parts of one agent.
    package init(book: FlagBook, ledger: FlagLedger, events: EventLog) {
        self.book = book
        self.ledger = ledger
        self.events = events
        evaluation = OFREPRoutes(book: book)
    }

    /// Answers what is asked about flags; nil for all other paths.
    package func answer(_ request: Request) async -> Response? {
        if let answer = evaluation.answer(request) { return answer }
        let isGet = request.method == "GET" || request.method == "HEAD"
        switch request.path {
        case "/v1/flags": return isGet ? list() : FlagRoutes.notAllowed("GET, HEAD")
        case "/v1/flag-history": return isGet ? await history(request) : FlagRoutes.notAllowed("GET, HEAD")
        case "/v1/flagset":
            if isGet { return export() }
            return request.method == "POST"
                ? await change(request) { () throws(FlagRefusal) in try await importing(request) }
                : FlagRoutes.notAllowed("GET, HEAD, POST")
        default: break
        }
        let prefix = "/v1/flags/"
        guard request.path.hasPrefix(prefix) else { return nil }
        let key = String(request.path.dropFirst(prefix.count))
        switch request.method {
        case "GET", "HEAD": return one(key)
        case "PUT": return await change(request) { () throws(FlagRefusal) in try await set(key, request) }
        case "POST":
            return await change(request) { () throws(FlagRefusal) in try await act(on: key, request) }
        case "DELETE":
            return await change(request) { () throws(FlagRefusal) in try await delete(key, request) }
        default: return FlagRoutes.notAllowed("GET, HEAD, PUT, POST, DELETE")
        }
    }

    private static func notAllowed(_ methods: String) -> Response {
        var response = Response.error(405, "this path takes only \(methods)")
        response.fields.append(("Allow", methods))
        return response
    }
}

/// Reading.
extension FlagRoutes {
    private func standing(_ snapshot: FlagBook.Snapshot) -> [(String, JSON)] {
        let age = snapshot.readAt.map { JSON.integer(max(0, Instant.now().milliseconds(since: $0))) }
        return [("standing", .string(snapshot.standing.rawValue)), ("age_ms", age ?? .null)]
    }

    private func list() -> Response {
        let snapshot = book.snapshot
        let set = snapshot.set
        let flags = set.keys.compactMap { key in set[key].map { FlagRoutes.line(key, $0, set) } }
        let faults = set.faults.sorted { $0.key.text < $1.key.text }.map { key, why in
            JSON.object(
                JSONObject([
                    ("key", .string(key.text)), ("why", .string(why)),
                    ("in_force", .bool(set.texts[key] != nil)),
                ]))
        }
        return .json(
            200,
            .object(
                JSONObject(
                    [
                        ("flags", .array(flags)),
                        ("shared_rules", .array(set.evaluators.members.map { .string($0.name) })),
                        ("faults", .array(faults)),
                    ] + standing(snapshot))))
    }

    private static func line(_ key: String, _ flag: Flag, _ set: FlagSet) -> JSON {
        .object(
            JSONObject([
                ("key", .string(key)), ("state", .string(flag.state.rawValue)),
                ("type", .string(flag.kind.rawValue)),
                ("default_variant", flag.defaultVariant.map { .string($0) } ?? .null),
                ("variants", .array(flag.variants.members.map { .string($0.name) })),
                ("targeting", .string(flag.targetingWord)),
                ("rollout", flag.rollout.map { .number($0.share) } ?? .null),
                ("rollout_variant", flag.rollout.map { .string($0.variant) } ?? .null),
                ("fault", set.faults[ExactText(key)].map { .string($0) } ?? .null),
            ]))
    }

    private func one(_ key: String) -> Response {
        let snapshot = book.snapshot
        guard let text = snapshot.set.texts[ExactText(key)],
            let definition = try? JSONReader.read(Array(text.utf8))
        else {
            let why = snapshot.set.faults[ExactText(key)].map { "its definition makes no sense: \($0)" }
            return .error(404, why ?? "there is no flag '\(key.quotable)'; 'troop flags' lists them")
        }
        let fault = snapshot.set.faults[ExactText(key)].map { JSON.string($0) } ?? .null
        return .json(
            200,
            .object(
                JSONObject(
                    [("key", .string(key)), ("definition", definition), ("fault", fault)] + standing(snapshot)
                )))
    }

    private func export() -> Response {
        let texts = book.snapshot.set.texts
        return .json(
            200, FlagFile.file(Dictionary(texts.map { ($0.key.text, $0.value) }) { first, _ in first }))
    }

    private func history(_ request: Request) async -> Response {
        var count = 20
        if let text = request.query["count"] {
            guard let number = Int(text), FlagRoutes.historyCounts.contains(number) else {
                return .error(
                    400, "count is '\(text.quotable)'; expected 1 to \(FlagRoutes.historyCounts.upperBound)")
            }
            count = number
        }
        do {
            let entries = try await ledger.history(of: request.query["key"], count: count)
            return .json(200, .object(JSONObject([("entries", .array(entries.map(\.json)))])))
        } catch {
            return FlagRoutes.refusal(.store(error))
        }
    }
}

/// Changes.
extension FlagRoutes {
    private func change(
        _ request: Request, _ body: () async throws(FlagRefusal) -> JSON
    ) async -> Response {
        guard request.door == .socket else {
            return .error(
                403, "this listener is read-only; make changes through the agent's socket (the troop command)"
            )
        }
        do throws(FlagRefusal) {
            return .json(200, try await body())
        } catch {
            return FlagRoutes.refusal(error)
        }
    }

    private static func refusal(_ refusal: FlagRefusal) -> Response {
        switch refusal {
        case .wrong(let sentence): return .error(400, sentence)
        case .definition(let fault):
            let faults = fault.faults.map { fault in
                JSON.object(
                    JSONObject([("path", .string(fault.path)), ("problem", .string(fault.problem))]))
            }
            return .json(
                400,
                .object(
                    JSONObject([
                        ("error", .string("nothing was changed: \(fault)")), ("faults", .array(faults)),
                    ])))
        case .absent(let sentence): return .error(404, sentence)
        case .conflict(let key):
            return .error(
                409, "'\(key.quotable)' is being changed by others all the time; look at it and try again")
        case .store(let fault):
            switch fault {
            case .rejected, .malformed, .misconfigured:
                return .error(502, "nothing was changed for certain: \(fault)")
            case .unreachable, .timeout, .backingOff:
                return .error(503, "nothing was changed for certain: \(fault)")
            }
        }
    }

    private func author(_ request: Request) throws(FlagRefusal) -> FlagLedger.Author {
        do throws(FormFault) {
            return FlagLedger.Author(
                by: try FlagText.plain(request.query["by"] ?? "api", "by"),
                reason: try FlagText.plain(request.query["reason"] ?? "", "reason"))
        } catch {
            throw .wrong(error.sentence)
        }
    }

    private func outcome(_ key: String, _ author: FlagLedger.Author, existed: Bool, changed: Int) async
        -> JSON
    {
        let exists = book.snapshot.set.texts[ExactText(key)] != nil
        let word = changed == 0 ? "unchanged" : exists ? (existed ? "changed" : "created") : "deleted"
        if changed > 0 { await tell("flag '\(key.quotable)' was \(word)", author, ["flag": key.quotable]) }
        return .object(JSONObject([("key", .string(key)), ("outcome", .string(word))]))
    }

    private func tell(_ text: String, _ author: FlagLedger.Author, _ details: [String: String]) async {
        let why = author.reason.isEmpty ? "" : ": \(author.reason)"
        var details = details
        details["by"] = author.by
        events.tell("flag.changed", .notice, "\(text) by \(author.by)\(why)", details)
        await events.flush()
    }

    private func set(_ key: String, _ request: Request) async throws(FlagRefusal) -> JSON {
        let author = try author(request)
        let json: JSON
        do throws(DefinitionFault) {
            json = try Flag.json(request.body)
        } catch {
            throw .definition(error)
        }
        let existed = book.snapshot.set.texts[ExactText(key)] != nil
        let changed = try await ledger.change(author) { set throws(FlagRefusal) in
            try ledger.steps(setting: key, to: json.compactText, in: set)
        }
        return await outcome(key, author, existed: existed, changed: changed)
    }

    private func delete(_ key: String, _ request: Request) async throws(FlagRefusal) -> JSON {
        let author = try author(request)
        let changed = try await ledger.change(author) { set throws(FlagRefusal) in
            // Whatever stands there by hand can be taken out.
            let isThere = set.texts[ExactText(key)] != nil || set.faults[ExactText(key)] != nil
            guard isThere else {
                throw .absent("there is no flag '\(key.quotable)'; 'troop flags' lists them")
            }
            return try ledger.steps(setting: key, to: nil, in: set)
        }
        return await outcome(key, author, existed: true, changed: changed)
    }

    private func act(on key: String, _ request: Request) async throws(FlagRefusal) -> JSON {
        let form: FlagForm
        do throws(FormFault) {
            form = try FlagForm(request.body)
        } catch {
            throw .wrong(error.sentence)
        }
        let author = FlagLedger.Author(by: form.by, reason: form.reason)
        let existed = book.snapshot.set.texts[ExactText(key)] != nil
        let changed: Int
        switch form.wish {
        case .change(let change):
            changed = try await ledger.change(author) { set throws(FlagRefusal) in
                try steps(of: change, on: key, in: set)
            }
        case .rollback(let id):
            let text = try await ledger.past(of: key, entry: id)
            changed = try await ledger.change(author) { set throws(FlagRefusal) in
                try ledger.steps(setting: key, to: text.isEmpty ? nil : text, in: set)
            }
        }
        return await outcome(key, author, existed: existed, changed: changed)
    }

    private func steps(
        of change: FlagChange, on key: String, in set: FlagSet
    ) throws(FlagRefusal) -> [FlagStep] {
        if let fault = set.faults[ExactText(key)] {
            throw .wrong(
                "the definition in Redis makes no sense (\(fault)); set it anew with 'troop flags set'")
        }
        guard let flag = set[key], let text = set.texts[ExactText(key)] else {
            throw .absent("there is no flag '\(key.quotable)'; 'troop flags' lists them")
        }
        do throws(DefinitionFault) {
            let definition = try change.applied(to: flag)
            _ = try Flag(definition, evaluators: set.evaluators)
            return [FlagStep(key, expected: .text(text), outcome: .text(definition.compactText))]
        } catch {
            throw .definition(error)
        }
    }

    private func importing(_ request: Request) async throws(FlagRefusal) -> JSON {
        let author = try author(request)
        let replaces: Bool
        switch request.query["replace"] {
        case nil, "false": replaces = false
        case "true", "": replaces = true
        case let word?: throw .wrong("replace is '\(word.quotable)'; expected true or false")
        }
        let fields: [(field: String, text: String)]
        do throws(DefinitionFault) {
            fields = try FlagFile.fields(request.body)
        } catch {
            throw .definition(error)
        }
        let names = Set(fields.map { ExactText($0.field) })
        let changed = try await ledger.change(author) { set throws(FlagRefusal) in
            var steps = fields.map { FlagStep($0.field, outcome: .text($0.text)) }
            if replaces {
                for key in Set(set.texts.keys).union(set.faults.keys) where !names.contains(key) {
                    steps.append(FlagStep(key.text, outcome: .absent))
                }
            } else if let shared = fields.first(where: { $0.field == FlagKey.evaluators }) {
                // Flags that stay must do with the file's shared rules.
                _ = try ledger.steps(setting: shared.field, to: shared.text, in: set.without(names))
            }
            return steps
        }
        if changed > 0 { await tell("\(changed) flags were imported", author, ["changed": "\(changed)"]) }
        return .object(
            JSONObject([("flags", .integer(Int64(fields.count))), ("changed", .integer(Int64(changed)))]))
    }
}
