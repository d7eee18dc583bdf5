/// `fractional`: the share that a value falls into, always the same one.
extension RuleMachine {
    /// The variant of the share; null when there is no value to go by, or the shares make no sense.
    mutating func share(_ values: [JSON], _ data: JSON) throws(RuleFault) -> JSON {
        var shares = values[...]
        let by: JSON
        if values[0].isArray {
            guard let context = data.members else { throw .shareInLoop }
            guard let key = context["targetingKey"]?.text, !key.isEmpty else { return .null }
            let flag = context["$flagd"]?.members?["flagKey"] ?? .string("")
            by = .array([flag, .string(key)])
        } else {
            by = values[0]
            shares = shares.dropFirst()
        }
        guard !by.isNull else { return .null }
        var weights: [Int64] = []
        var total: Int64 = 0
        for share in shares {
            guard case .array(let parts) = share, (1...2).contains(parts.count) else { return .null }
            var weight: Int64 = 1
            if parts.count == 2 {
                guard case .integer(let given) = parts[1] else { return .null }
                weight = max(0, given)
            }
            guard weight <= RuleCompiler.weightsMax, total + weight <= RuleCompiler.weightsMax else {
                return .null
            }
            weights.append(weight)
            total += weight
        }
        guard total > 0 else { return .null }
        var bytes: [UInt8] = []
        try encode(by, into: &bytes)
        let bucket = Bucket.of(bytes, total: total)
        var end: Int64 = 0
        for (share, weight) in zip(shares, weights) {
            end += weight
            if bucket < end, case .array(let parts) = share { return parts[0] }
        }
        return .null
    }

    /// Appends a value's canonical CBOR form: shortest numbers, members ordered by their names' encoded form.
    private mutating func encode(_ value: JSON, into bytes: inout [UInt8]) throws(RuleFault) {
        try effort.spend(1)
        switch value {
        case .null: bytes.append(0xF6)
        case .bool(let value): bytes.append(value ? 0xF5 : 0xF4)
        case .integer(let value): Bucket.integer(value, into: &bytes)
        case .number(let value): Bucket.number(value, into: &bytes)
        case .string(let text):
            try effort.spend(text.utf8.count / 16)
            RuleMachine.encode(text, into: &bytes)
        case .array(let elements):
            Bucket.head(4, UInt64(elements.count), into: &bytes)
            for element in elements { try encode(element, into: &bytes) }
        case .object(let object):
            Bucket.head(5, UInt64(object.count), into: &bytes)
            var names: [(key: [UInt8], value: JSON)] = []
            for member in object.members {
                var key: [UInt8] = []
                RuleMachine.encode(member.name, into: &key)
                names.append((key, member.value))
            }
            names.sort {
                $0.key.count != $1.key.count
                    ? $0.key.count < $1.key.count : $0.key.lexicographicallyPrecedes($1.key)
            }
            for entry in names {
                bytes += entry.key
                try encode(entry.value, into: &bytes)
            }
        }
    }

    private static func encode(_ text: String, into bytes: inout [UInt8]) {
        Bucket.head(3, UInt64(text.utf8.count), into: &bytes)
        bytes += text.utf8
    }
}
