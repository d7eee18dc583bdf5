/// All flags with what they share, as fields of a hash hold them: the last good value of each field.
package struct FlagSet: Sendable {
    /// The flags by name.
    package private(set) var flags: [ExactText: Flag] = [:]
    /// The names of the flags, in order.
    package private(set) var keys: [String] = []
    /// The shared rules.
    package private(set) var evaluators = JSONObject()
    /// What is told of every flag.
    package private(set) var metadata = JSONObject()
    /// The fields in force, as they were given.
    package private(set) var texts: [ExactText: String] = [:]
    /// What is wrong with fields that were given and are not in force, by field.
    package private(set) var faults: [ExactText: String] = [:]
    /// The fields as they were given last, bad ones included.
    private var given: [ExactText: String] = [:]

    /// More fields are not read.
    package static let flagsMax = 10_000

    /// No flags.
    package init() {}

    /// A flag by its name.
    package subscript(key: String) -> Flag? { flags[ExactText(key)] }

    /// Takes all fields anew: what is bad is told in `faults`, and its last good value stays in force; what is gone is gone.
    /// Returns the fields whose values in force changed.
    @discardableResult
    package mutating func take(_ fields: [ExactText: String]) -> [String] {
        guard fields != given else { return [] }
        let before = texts
        var next = FlagSet()
        next.given = fields
        next.takeShared(fields, last: self)
        let sharedIsSame =
            next.texts[ExactText(FlagKey.evaluators)] == texts[ExactText(FlagKey.evaluators)]
        for (key, text) in fields where key.text != FlagKey.evaluators && key.text != FlagKey.metadata {
            // A flag that did not change is not read again.
            if sharedIsSame, let flag = flags[key], texts[key] == text {
                next.flags[key] = flag
                next.texts[key] = text
                continue
            }
            do throws(DefinitionFault) {
                if let fault = FlagKey.fault(key.text) { throw DefinitionFault("", fault) }
                next.flags[key] = try Flag(Array(text.utf8), evaluators: next.evaluators)
                next.texts[key] = text
            } catch {
                next.faults[key] = "\(error)"
                guard let last = flags[key] else { continue }
                next.flags[key] = last
                next.texts[key] = texts[key]
            }
        }
        next.keys = next.flags.keys.map(\.text).sorted { $0.isBefore($1) }
        self = next
        let names = Set(before.keys).union(texts.keys)
        return names.filter { before[$0] != texts[$0] }.map(\.text).sorted { $0.isBefore($1) }
    }

    private mutating func takeShared(_ fields: [ExactText: String], last: FlagSet) {
        let evaluatorsKey = ExactText(FlagKey.evaluators)
        if let text = fields[evaluatorsKey] {
            do throws(DefinitionFault) {
                evaluators = try Flag.evaluators(try Flag.json(Array(text.utf8)))
                texts[evaluatorsKey] = text
            } catch {
                faults[evaluatorsKey] = "\(error)"
                evaluators = last.evaluators
                texts[evaluatorsKey] = last.texts[evaluatorsKey]
            }
        }
        let metadataKey = ExactText(FlagKey.metadata)
        if let text = fields[metadataKey] {
            do throws(DefinitionFault) {
                metadata = try Flag.metadata(try Flag.json(Array(text.utf8)))
                texts[metadataKey] = text
            } catch {
                faults[metadataKey] = "\(error)"
                metadata = last.metadata
                texts[metadataKey] = last.texts[metadataKey]
            }
        }
    }

    /// The set without some flags.
    package func without(_ names: Set<ExactText>) -> FlagSet {
        var rest = self
        rest.flags = flags.filter { !names.contains($0.key) }
        rest.keys = keys.filter { !names.contains(ExactText($0)) }
        return rest
    }

    /// Evaluates one flag; a name that is not there is a fault.
    package func evaluate(
        _ key: String, context: JSONObject, timestamp: Int64, effort: inout Effort
    ) throws(EvaluationFault) -> Evaluation {
        guard let flag = self[key] else {
            if let fault = faults[ExactText(key)] {
                throw EvaluationFault(.parseError, "the flag's definition cannot be read: \(fault)")
            }
            throw EvaluationFault(.flagNotFound, "there is no flag '\(key.quotable)'")
        }
        return try flag.evaluate(
            key: key, context: context, timestamp: timestamp, setMetadata: metadata, effort: &effort)
    }
}
