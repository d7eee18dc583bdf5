import Flags
import Store

/// What people change through the API, by the socket only.
extension FlagRoutes {
    func change(
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

    static func refusal(_ refusal: FlagRefusal) -> Response {
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
        case .unread(let fault): return .error(fault.httpStatus, "nothing was done: \(fault)")
        case .unreadable(let why): return .error(502, "nothing was done: \(why)")
        case .store(let fault): return .error(fault.httpStatus, fault.ofChange)
        }
    }

    private func author(_ request: Request) throws(FlagRefusal) -> FlagLedger.Author {
        do throws(FormFault) {
            return FlagLedger.Author(
                by: try FormText.plain(request.query["by"] ?? "api", "by"),
                reason: try FormText.plain(request.query["reason"] ?? "", "reason"))
        } catch {
            throw .wrong(error.sentence)
        }
    }

    private func outcome(
        _ key: String, _ author: FlagLedger.Author, existed: Bool, _ done: FlagLedger.Outcome
    ) async -> JSON {
        let exists = book.snapshot.set.texts[ExactText(key)] != nil
        let word = done.changed == 0 ? "unchanged" : exists ? (existed ? "changed" : "created") : "deleted"
        await tellRestored(done, author)
        if done.changed > 0 {
            await tell("flag '\(key.quotable)' was \(word)", author, ["flag": key.quotable])
        }
        return .object(
            JSONObject([
                ("key", .string(key)), ("outcome", .string(word)),
                ("restored", .integer(Int64(done.restored))),
            ]))
    }

    private func tellRestored(_ done: FlagLedger.Outcome, _ author: FlagLedger.Author) async {
        guard done.restored > 0 else { return }
        await tell(
            "what Redis had lost was written back: \(done.restored) of the flags' definitions", author,
            ["restored": "\(done.restored)"])
    }

    private func tell(_ text: String, _ author: FlagLedger.Author, _ details: [String: String]) async {
        let why = author.reason.isEmpty ? "" : ": \(author.reason)"
        var details = details
        details["by"] = author.by
        events.tell("flag.changed", .notice, "\(text) by \(author.by)\(why)", details)
        await events.flush()
    }

    func set(_ key: String, _ request: Request) async throws(FlagRefusal) -> JSON {
        let author = try author(request)
        let json: JSON
        do throws(DefinitionFault) {
            json = try Flag.json(request.body)
        } catch {
            throw .definition(error)
        }
        let existed = book.snapshot.set.texts[ExactText(key)] != nil
        let done = try await ledger.change(author) { set throws(FlagRefusal) in
            try ledger.steps(setting: key, to: json.compactText, in: set)
        }
        return await outcome(key, author, existed: existed, done)
    }

    func delete(_ key: String, _ request: Request) async throws(FlagRefusal) -> JSON {
        let author = try author(request)
        let done = try await ledger.change(author) { set throws(FlagRefusal) in
            // Whatever stands there by hand can be taken out.
            let isThere = set.texts[ExactText(key)] != nil || set.faults[ExactText(key)] != nil
            guard isThere else {
                throw .absent("there is no flag '\(key.quotable)'; 'troop flags' lists them")
            }
            return try ledger.steps(setting: key, to: nil, in: set)
        }
        return await outcome(key, author, existed: true, done)
    }

    func act(on key: String, _ request: Request) async throws(FlagRefusal) -> JSON {
        let form: FlagForm
        do throws(FormFault) {
            form = try FlagForm(request.body)
        } catch {
            throw .wrong(error.sentence)
        }
        let author = FlagLedger.Author(by: form.by, reason: form.reason)
        let existed = book.snapshot.set.texts[ExactText(key)] != nil
        let done: FlagLedger.Outcome
        switch form.wish {
        case .change(let change):
            done = try await ledger.change(author) { set throws(FlagRefusal) in
                try steps(of: change, on: key, in: set)
            }
        case .rollback(let id):
            let text = try await ledger.past(of: key, entry: id)
            let what = id.map { "rollback to \($0)" } ?? "rollback"
            done = try await ledger.change(author) { set throws(FlagRefusal) in
                try ledger.steps(setting: key, to: text.isEmpty ? nil : text, in: set, what: what)
            }
        }
        return await outcome(key, author, existed: existed, done)
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
            return [
                FlagStep(
                    key, expected: .text(text), outcome: .text(definition.compactText), what: change.summary)
            ]
        } catch {
            throw .definition(error)
        }
    }

    func importing(_ request: Request) async throws(FlagRefusal) -> JSON {
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
        let done = try await ledger.change(author) { set throws(FlagRefusal) in
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
        await tellRestored(done, author)
        if done.changed > 0 {
            await tell("\(done.changed) flags were imported", author, ["changed": "\(done.changed)"])
        }
        return .object(
            JSONObject([
                ("flags", .integer(Int64(fields.count))), ("changed", .integer(Int64(done.changed))),
                ("restored", .integer(Int64(done.restored))),
            ]))
    }
}
