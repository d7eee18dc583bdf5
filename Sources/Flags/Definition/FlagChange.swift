/// A change that people ask of a flag that is there, without writing its definition anew.
package enum FlagChange: Equatable, Sendable {
    /// To be evaluated, or not: then applications use their own defaults.
    case state(Flag.State)
    /// A share of all targeting keys gets a variant, the others another.
    case rollout(Rollout)

    /// A share for a variant.
    package struct Rollout: Equatable, Sendable {
        /// In thousandths of a percent, 0 to 100 000.
        package var share: Int64
        /// The variant; nil for the one whose value is true.
        package var variant: String?
        /// What the others get; nil for the default variant, or the only other one.
        package var otherwise: String?
        /// Whether rules that are there may be replaced.
        package var replacesRules: Bool

        /// The whole, in thousandths of a percent.
        package static let whole: Int64 = 100_000

        /// A rollout from its parts.
        package init(
            share: Int64, variant: String? = nil, otherwise: String? = nil, replacesRules: Bool = false
        ) {
            self.share = share
            self.variant = variant
            self.otherwise = otherwise
            self.replacesRules = replacesRules
        }
    }

    /// The change in few words, for a history: `on`, `off`, `rollout 12.5 %`.
    package var summary: String {
        switch self {
        case .state(.enabled): return "on"
        case .state(.disabled): return "off"
        case .rollout(let rollout):
            var decimals = String(1000 + rollout.share % 1000).dropFirst()
            while decimals.last == "0" { decimals.removeLast() }
            let point = decimals.isEmpty ? "" : "."
            return "rollout \(rollout.share / 1000)\(point)\(decimals) %"
        }
    }

    /// The definition with the change made; throws why it cannot be.
    package func applied(to flag: Flag) throws(DefinitionFault) -> JSON {
        var definition = flag.definition
        switch self {
        case .state(let state): definition["state"] = .string(state.rawValue)
        case .rollout(let rollout):
            let (variant, otherwise) = try FlagChange.arms(of: rollout, in: flag)
            if flag.hasTargeting, !rollout.replacesRules, flag.rollout == nil {
                throw DefinitionFault(
                    "targeting",
                    "the flag has rules of its own, which a rollout would replace; change them with 'troop flags set', or say --force"
                )
            }
            // The hash does not depend on the sum: whoever is in at 10 % is in at 20 %.
            let unit: Int64 = rollout.share.isMultiple(of: 1000) ? 1000 : 1
            let shares: [JSON] = [
                .array([.string(variant), .integer(rollout.share / unit)]),
                .array([.string(otherwise), .integer((Rollout.whole - rollout.share) / unit)]),
            ]
            definition["targeting"] = .object(JSONObject([("fractional", .array(shares))]))
        }
        return .object(definition)
    }

    private static func arms(
        of rollout: Rollout, in flag: Flag
    ) throws(DefinitionFault) -> (variant: String, otherwise: String) {
        let names = flag.variants.members.map { $0.name.quotable }.joined(separator: ", ")
        let truths = flag.variants.members.filter { $0.value == .bool(true) }.map(\.name)
        guard let variant = rollout.variant ?? (truths.count == 1 ? truths.first : nil) else {
            throw DefinitionFault(
                "variant", "say which variant is rolled out (--variant); there are \(names)")
        }
        let others = flag.variants.members.map(\.name).filter { !$0.isExactly(variant) }
        let standing = flag.rollout.flatMap { $0.variant.isExactly(variant) ? $0.otherwise : nil }
        let fallback = flag.defaultVariant.flatMap { $0.isExactly(variant) ? nil : $0 }
        guard
            let otherwise = rollout.otherwise ?? standing ?? fallback
                ?? (others.count == 1 ? others.first : nil)
        else {
            throw DefinitionFault("otherwise", "say what the others get (--otherwise); there are \(names)")
        }
        for (name, text) in [("variant", variant), ("otherwise", otherwise)] where flag.variants[text] == nil
        {
            throw DefinitionFault(name, "'\(text.quotable)' is no variant; there are \(names)")
        }
        guard !variant.isExactly(otherwise) else {
            throw DefinitionFault("otherwise", "the others would get '\(variant.quotable)', too")
        }
        return (variant, otherwise)
    }
}

extension Flag {
    /// The share and variants of a flag whose whole targeting is such a rollout; nil for all others.
    package var rollout: (share: Double, variant: String, otherwise: String)? {
        guard let targeting = definition["targeting"]?.members, targeting.count == 1,
            case .array(let shares) = targeting["fractional"], shares.count == 2
        else { return nil }
        var arms: [(variant: String, weight: Int64)] = []
        for share in shares {
            guard case .array(let parts) = share, parts.count == 2, case .string(let variant) = parts[0],
                case .integer(let weight) = parts[1]
            else { return nil }
            arms.append((variant, weight))
        }
        let sum = arms[0].weight + arms[1].weight
        guard sum > 0 else { return nil }
        return (Double(arms[0].weight) / Double(sum) * 100, arms[0].variant, arms[1].variant)
    }

    /// What the targeting is, in a word for lists: `none`, `rollout`, or the outermost operation.
    package var targetingWord: String {
        guard hasTargeting, let name = definition["targeting"]?.members?.members.first?.name else {
            return "none"
        }
        return rollout == nil ? name : "rollout"
    }
}
