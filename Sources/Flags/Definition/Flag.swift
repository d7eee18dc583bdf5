/// One flag, read and checked, with its rules made ready.
package struct Flag: Sendable {
    /// Whether the flag is to be evaluated.
    package enum State: String, Sendable, CaseIterable {
        case enabled = "ENABLED"
        case disabled = "DISABLED"
    }

    /// What all variants of a flag are.
    package enum Kind: String, Sendable {
        case boolean, string, number, object
    }

    package let state: State
    package let kind: Kind
    /// Name and value of each variant, in their order.
    package let variants: JSONObject
    /// The variant where no rule chooses one; nil leaves it to the application's own default.
    package let defaultVariant: String?
    /// What the flag's author wants to be told with each evaluation.
    package let metadata: JSONObject
    /// Whether there are rules.
    package var hasTargeting: Bool { rule != nil }
    /// The definition as it was given.
    package let definition: JSONObject

    let rule: Rule?

    /// The longest definition, in bytes of JSON.
    package static let bytesMax = 64 * 1024

    /// Reads a definition; `evaluators` are the shared rules that it may refer to. Throws everything that is wrong with it.
    package init(_ json: JSON, evaluators: JSONObject = JSONObject()) throws(DefinitionFault) {
        var reader = FlagReader(evaluators: evaluators)
        let parts = reader.read(json)
        guard let parts, reader.faults.isEmpty else { throw DefinitionFault(reader.faults) }
        state = parts.state
        kind = parts.kind
        variants = parts.variants
        defaultVariant = parts.defaultVariant
        metadata = parts.metadata
        rule = parts.rule
        definition = parts.definition
    }

    /// Reads a definition from JSON text of at most `bytesMax`.
    package init(_ bytes: [UInt8], evaluators: JSONObject = JSONObject()) throws(DefinitionFault) {
        try self.init(try Flag.json(bytes), evaluators: evaluators)
    }

    /// The JSON of a definition; throws when it is none or too long.
    package static func json(_ bytes: [UInt8]) throws(DefinitionFault) -> JSON {
        guard bytes.count <= bytesMax else {
            throw DefinitionFault("", "the definition has \(bytes.count) bytes; it may have \(bytesMax)")
        }
        do {
            return try JSONReader.read(bytes)
        } catch {
            throw DefinitionFault("", "no JSON: \(error)")
        }
    }

    /// Reads shared rules: an object of rules by name. Throws everything that is wrong with them.
    package static func evaluators(_ json: JSON) throws(DefinitionFault) -> JSONObject {
        guard let rules = json.members else {
            throw DefinitionFault(FlagKey.evaluators, "expected an object of rules by name, got \(json.kind)")
        }
        var compiler = RuleCompiler(evaluators: rules)
        for member in rules.members {
            _ = compiler.compile(member.value, at: "\(FlagKey.evaluators).\(member.name.quotable)")
        }
        guard compiler.faults.isEmpty else { throw DefinitionFault(compiler.faults) }
        return rules
    }

    /// Reads metadata: an object of texts, numbers and truth values.
    package static func metadata(_ json: JSON) throws(DefinitionFault) -> JSONObject {
        var reader = FlagReader(evaluators: JSONObject())
        let metadata = reader.metadata(json, at: FlagKey.metadata)
        guard reader.faults.isEmpty else { throw DefinitionFault(reader.faults) }
        return metadata
    }
}
