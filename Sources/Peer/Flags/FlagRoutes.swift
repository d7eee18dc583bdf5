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
    let book: FlagBook
    let ledger: FlagLedger
    let events: EventLog
    private let evaluation: OFREPRoutes

    private static let historyCounts = 1...200

    /// Routes over the parts of one agent.
    package init(book: FlagBook, ledger: FlagLedger, events: EventLog) {
        self.book = book
        self.ledger = ledger
        self.events = events
        evaluation = OFREPRoutes(book: book)
    }

    /// Answers the evaluation of one flag; nil for all else.
    package func quickAnswer(_ request: Request) -> Response? { evaluation.quickAnswer(request) }

    /// Answers what is asked about flags; nil for all other paths.
    package func answer(_ request: Request) async -> Response? {
        if let answer = evaluation.answer(request) { return answer }
        let isGet = request.method == "GET" || request.method == "HEAD"
        switch request.path {
        case "/v1/flags": return isGet ? list() : .notAllowed("GET, HEAD")
        case "/v1/flag-history": return isGet ? await history(request) : .notAllowed("GET, HEAD")
        case "/v1/flagset":
            if isGet { return export() }
            return request.method == "POST"
                ? await change(request) { () throws(FlagRefusal) in try await importing(request) }
                : .notAllowed("GET, HEAD, POST")
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
        default: return .notAllowed("GET, HEAD, PUT, POST, DELETE")
        }
    }
}

/// Reading.
extension FlagRoutes {
    private func standing(_ snapshot: FlagBook.Snapshot) -> [(String, JSON)] {
        let age = snapshot.readAt.map { JSON.integer(max(0, Instant.now().milliseconds(since: $0))) }
        return [
            ("standing", .string(snapshot.standing.rawValue)), ("age_ms", age ?? .null),
            ("lost", .integer(Int64(snapshot.lost.count))),
        ]
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
            return .error(error.httpStatus, "the history cannot be read: \(error)")
        }
    }
}
