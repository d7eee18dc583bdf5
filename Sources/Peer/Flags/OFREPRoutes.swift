import Flags
import Linux

/// OpenFeature's remote evaluation protocol (OFREP 0.3): what applications ask, of any agent, by TCP or the socket.
package struct OFREPRoutes: Sendable {
    private let book: FlagBook

    private static let prefix = "/ofrep/v1/evaluate/flags"
    /// The longest body with a context, in bytes.
    static let bodyBytesMax = 256 * 1024

    /// Routes over the flags of one agent.
    package init(book: FlagBook) { self.book = book }

    /// Answers the evaluation of one flag, which takes microseconds and at most `Effort.flagSteps`; nil for all else.
    package func quickAnswer(_ request: Request) -> Response? {
        request.path.hasPrefix(OFREPRoutes.prefix + "/") ? answer(request) : nil
    }

    /// Answers what is asked below `/ofrep/`; nil for all other paths.
    package func answer(_ request: Request) -> Response? {
        guard request.path.hasPrefix("/ofrep/") else { return nil }
        let isBulk = request.path == OFREPRoutes.prefix
        guard isBulk || request.path.hasPrefix(OFREPRoutes.prefix + "/") else {
            return .error(404, "no such path; there are \(OFREPRoutes.prefix) and \(OFREPRoutes.prefix)/KEY")
        }
        guard request.method == "POST" else { return .notAllowed("POST") }
        let key = isBulk ? nil : String(request.path.dropFirst(OFREPRoutes.prefix.count + 1))
        let context: JSONObject
        do throws(EvaluationFault) {
            context = try OFREPRoutes.context(request.body)
        } catch {
            return OFREPRoutes.failure(error, key: key)
        }
        let snapshot = book.snapshot
        guard snapshot.isKnown else {
            return OFREPRoutes.failure(
                EvaluationFault(
                    .general, "the flags were never read: Redis does not answer, and there is no copy on disk"
                ),
                key: key, status: 500)
        }
        let now = WallClock.milliseconds() / 1000
        guard let key else { return bulk(request, snapshot, context, now) }
        var effort = Effort()
        do throws(EvaluationFault) {
            let evaluation = try snapshot.set.evaluate(key, context: context, timestamp: now, effort: &effort)
            return .json(200, OFREPRoutes.document(evaluation, key: key, snapshot.standing))
        } catch {
            return OFREPRoutes.failure(error, key: key)
        }
    }

    private func bulk(
        _ request: Request, _ snapshot: FlagBook.Snapshot, _ context: JSONObject, _ now: Int64
    ) -> Response {
        var all = Effort(steps: Effort.bulkSteps)
        var flags: [JSON] = []
        flags.reserveCapacity(snapshot.set.keys.count)
        for key in snapshot.set.keys {
            let share = min(Effort.flagSteps, all.steps)
            var effort = Effort(steps: share)
            do throws(EvaluationFault) {
                let evaluation = try snapshot.set.evaluate(
                    key, context: context, timestamp: now, effort: &effort)
                flags.append(OFREPRoutes.document(evaluation, key: key, snapshot.standing))
            } catch {
                flags.append(OFREPRoutes.document(error, key: key))
            }
            all.settle(from: share, to: effort.steps)
        }
        let document = JSON.object(
            JSONObject([("flags", .array(flags)), ("metadata", .object(snapshot.set.metadata))]))
        var response = Response.json(200, document)
        let tag = EntityTag(response.body)
        if let condition = request.fields["if-none-match"], tag.matches(condition) {
            response = Response(status: 304, contentType: "application/json", body: [])
        }
        response.fields.append(("ETag", tag.text))
        return response
    }

    /// The context in a body; without one it is empty.
    static func context(_ body: [UInt8]) throws(EvaluationFault) -> JSONObject {
        guard body.count <= bodyBytesMax else {
            throw EvaluationFault(
                .invalidContext, "the body has \(body.count) bytes; it may have \(bodyBytesMax)")
        }
        guard !body.isEmpty else { return JSONObject() }
        let json: JSON
        do {
            json = try JSONReader.read(body, duplicates: .lastCounts)
        } catch {
            throw EvaluationFault(.parseError, "the body is no JSON: \(error)")
        }
        guard let members = json.members else {
            throw EvaluationFault(
                .parseError, "the body is \(json.kind); expected {\"context\": {\"targetingKey\": \"…\"}}")
        }
        switch members["context"] {
        case nil, .null: return JSONObject()
        case .object(let context):
            switch context["targetingKey"] {
            case nil, .null, .string: return context
            case let other?:
                throw EvaluationFault(.invalidContext, "targetingKey is \(other.kind); expected a string")
            }
        case let other?:
            throw EvaluationFault(.invalidContext, "the context is \(other.kind); expected an object")
        }
    }

    private static func document(
        _ evaluation: Evaluation, key: String, _ standing: FlagBook.Standing
    ) -> JSON {
        let reason: Reason =
            switch (standing, evaluation.reason) {
            case (.fresh, let reason): reason
            case (_, .disabled): .disabled
            case (.cached, _): .cached
            case (.stale, _): .stale
            }
        var document = JSONObject([
            ("key", .string(key)), ("reason", .string(reason.rawValue)),
            // Clients fail without a variant, so there always is one, if empty.
            ("variant", .string(evaluation.chosen?.variant ?? "")),
        ])
        if let value = evaluation.chosen?.value { document["value"] = value }
        document["metadata"] = .object(evaluation.metadata)
        return .object(document)
    }

    private static func document(_ fault: EvaluationFault, key: String?) -> JSON {
        var document = JSONObject()
        if let key { document["key"] = .string(key) }
        document["errorCode"] = .string(fault.code.rawValue)
        document["errorDetails"] = .string(fault.details)
        return .object(document)
    }

    private static func failure(_ fault: EvaluationFault, key: String?, status: Int? = nil) -> Response {
        let usual =
            switch fault.code {
            case .flagNotFound: 404
            case .parseError, .invalidContext, .general: 400
            }
        return .json(status ?? usual, document(fault, key: key))
    }
}

extension Response {
    /// A JSON value that keeps its order and its numbers.
    static func json(_ status: Int, _ json: JSON) -> Response {
        Response(status: status, contentType: "application/json", body: json.bytes + [UInt8(ascii: "\n")])
    }
}
