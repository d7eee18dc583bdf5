/// Why a value is what it is, in OpenFeature's words.
package enum Reason: String, Sendable {
    /// The flag has no rules.
    case `static` = "STATIC"
    /// A rule chose the variant.
    case targetingMatch = "TARGETING_MATCH"
    /// No rule chose one.
    case `default` = "DEFAULT"
    case disabled = "DISABLED"
    /// The value comes from the copy on disk, which Redis has not confirmed yet.
    case cached = "CACHED"
    /// Redis does not answer; the definition is the last one known.
    case stale = "STALE"
}

/// Why there is no value, in OpenFeature's words.
package enum ErrorCode: String, Sendable {
    case flagNotFound = "FLAG_NOT_FOUND"
    case parseError = "PARSE_ERROR"
    case invalidContext = "INVALID_CONTEXT"
    case general = "GENERAL"
}

/// Why a flag was not evaluated.
package struct EvaluationFault: Error, Equatable, Sendable {
    package let code: ErrorCode
    /// For people.
    package let details: String

    /// A fault with its code.
    package init(_ code: ErrorCode, _ details: String) {
        self.code = code
        self.details = details
    }
}

/// What a flag is for one context.
package struct Evaluation: Sendable {
    /// The variant and its value; nil leaves it to the application's own default.
    package let chosen: (variant: String, value: JSON)?
    package var reason: Reason
    /// The set's metadata, and over it the flag's.
    package let metadata: JSONObject
}

extension Flag {
    /// Evaluates the flag for a context; `timestamp` is the time in seconds since 1970.
    package func evaluate(
        key: String, context: JSONObject, timestamp: Int64, setMetadata: JSONObject, effort: inout Effort
    ) throws(EvaluationFault) -> Evaluation {
        var merged = setMetadata
        for member in metadata.members { merged[member.name] = member.value }
        if state == .disabled { return Evaluation(chosen: nil, reason: .disabled, metadata: merged) }
        guard let rule else { return fallback(.static, merged) }
        let result: JSON
        do {
            var machine = RuleMachine(effort: effort)
            defer { effort = machine.effort }
            result = try machine.run(rule, .object(Flag.data(key, context, timestamp)))
        } catch {
            throw EvaluationFault(.general, "\(error)")
        }
        if result.isNull { return fallback(.default, merged) }
        guard let name = FlagReader.variantName(result), let value = variants[name] else {
            let what = FlagReader.variantName(result).map { "'\($0.quotable)'" } ?? result.kind
            throw EvaluationFault(.general, "the targeting chose \(what), which is no variant of the flag")
        }
        return Evaluation(chosen: (name, value), reason: .targetingMatch, metadata: merged)
    }

    private func fallback(_ reason: Reason, _ metadata: JSONObject) -> Evaluation {
        guard let defaultVariant, let value = variants[defaultVariant] else {
            return Evaluation(chosen: nil, reason: .default, metadata: metadata)
        }
        return Evaluation(chosen: (defaultVariant, value), reason: reason, metadata: metadata)
    }

    private static func data(_ key: String, _ context: JSONObject, _ timestamp: Int64) -> JSONObject {
        var data = context
        data["$flagd"] = .object(
            JSONObject([("flagKey", .string(key)), ("timestamp", .integer(timestamp))]))
        return data
    }
}
