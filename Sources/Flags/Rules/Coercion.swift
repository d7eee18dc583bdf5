/// How rules take one kind of value for another, and compare them.
extension RuleMachine {
    /// JsonLogic's truth: 0, the empty text, the empty list and null are false.
    static func isTrue(_ value: JSON) -> Bool {
        switch value {
        case .null: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .number(let value): !value.isNaN && value != 0
        case .string(let text): !text.isEmpty
        case .array(let elements): !elements.isEmpty
        case .object: true
        }
    }

    static func isNumber(_ value: JSON) -> Bool {
        switch value {
        case .integer, .number: true
        case .null, .bool, .string, .array, .object: false
        }
    }

    /// A number or a truth value as a number; nil for all else.
    private static func numeric(_ value: JSON) -> Number? {
        switch value {
        case .bool(let value): .whole(value ? 1 : 0)
        case .integer(let value): .whole(value)
        case .number(let value): .real(value)
        case .null, .string, .array, .object: nil
        }
    }

    /// The value as a number.
    mutating func number(_ value: JSON) throws(RuleFault) -> Number {
        switch value {
        case .null: return .whole(0)
        case .bool, .integer, .number: return RuleMachine.numeric(value) ?? .notANumber
        case .string(let text):
            try effort.spend(text.utf8.count / 16)
            return Number(text: text)
        case .array(let elements):
            try effort.spend(1)
            guard let first = elements.first else { return .whole(0) }
            return elements.count > 1 ? .notANumber : try number(first)
        case .object: return .notANumber
        }
    }

    /// The value as a text.
    mutating func text(_ value: JSON) throws(RuleFault) -> String {
        switch value {
        case .null: return "null"
        case .bool(let value): return value ? "True" : "False"  // as flagd's Python core spells it
        case .integer(let value): return "\(value)"
        case .number(let value): return Number.shortText(value)
        case .string(let text): return text
        case .array(let elements):
            var texts: [String] = []
            for element in elements {
                let part = try text(element)
                try effort.spend(1 + part.utf8.count / 16)
                texts.append(part)
            }
            return texts.joined(separator: ",")
        case .object: return "[object Object]"
        }
    }

    /// `==`: equal after one side was taken for the kind of the other.
    mutating func isLooselyEqual(_ left: JSON, _ right: JSON) throws(RuleFault) -> Bool {
        if let one = RuleMachine.numeric(left) { return try isEqual(one, number(right)) }
        if let other = RuleMachine.numeric(right) { return try isEqual(number(left), other) }
        switch (left, right) {
        case (.null, .null): return true
        case (.string(let one), .string(let other)): return one.isExactly(other)
        case (.string(let one), .array), (.string(let one), .object): return one.isExactly(try text(right))
        case (.array, .string(let other)), (.object, .string(let other)):
            return other.isExactly(try text(left))
        // Null and something, or two lists or objects, which are never the same one.
        case (.null, _), (.bool, _), (.integer, _), (.number, _), (.string, _), (.array, _), (.object, _):
            return false
        }
    }

    private func isEqual(_ left: Number, _ right: Number) -> Bool {
        if case .whole(let left) = left, case .whole(let right) = right { return left == right }
        return left.real == right.real
    }

    /// `===`, and membership in a list: equal as they are; true is 1 and false is 0, as in flagd's Python core.
    mutating func isEqual(_ left: JSON, _ right: JSON) throws(RuleFault) -> Bool {
        try effort.spend(1)
        if let one = RuleMachine.numeric(left) {
            return RuleMachine.numeric(right).map { isEqual(one, $0) } ?? false
        }
        switch (left, right) {
        case (.null, .null): return true
        case (.string(let one), .string(let other)):
            try effort.spend(one.utf8.count / 64)
            return one.isExactly(other)
        case (.array(let one), .array(let other)):
            guard one.count == other.count else { return false }
            for (left, right) in zip(one, other) where !(try isEqual(left, right)) { return false }
            return true
        case (.object(let one), .object(let other)):
            guard one.count == other.count else { return false }
            for member in one.members {
                guard let value = other[member.name], try isEqual(member.value, value) else { return false }
            }
            return true
        case (.null, _), (.bool, _), (.integer, _), (.number, _), (.string, _), (.array, _), (.object, _):
            return false
        }
    }

    /// `<` and its kin: numbers where one side is one, texts where one side is one, else numbers.
    mutating func isOrdered(
        _ operation: Operation, _ left: JSON, _ right: JSON
    ) throws(RuleFault) -> Bool {
        let areTexts =
            RuleMachine.numeric(left) == nil && RuleMachine.numeric(right) == nil
            && (left.text != nil || right.text != nil)
        if areTexts {
            let (one, other) = (try text(left), try text(right))
            try effort.spend(min(one.utf8.count, other.utf8.count) / 64)
            if operation == .less { return one.isBefore(other) }
            if operation == .lessOrEqual { return !other.isBefore(one) }
            return operation == .greater ? other.isBefore(one) : !one.isBefore(other)
        }
        let (one, other) = (try number(left).real, try number(right).real)
        if operation == .less { return one < other }
        if operation == .lessOrEqual { return one <= other }
        return operation == .greater ? one > other : one >= other
    }

    /// `in`: a member of a list, or a part of a text.
    mutating func isContained(_ part: JSON, in whole: JSON) throws(RuleFault) -> Bool {
        switch whole {
        case .array(let elements):
            for element in elements where try isEqual(part, element) { return true }
            return false
        case .string(let text):
            let needle = Array(try self.text(part).utf8)
            let hay = Array(text.utf8)
            try effort.spend(hay.count / 16 + hay.count * needle.count / 65_536)
            return RuleMachine.occurs(needle, in: hay)
        case .null, .bool, .integer, .number, .object: return false
        }
    }

    private static func occurs(_ needle: [UInt8], in hay: [UInt8]) -> Bool {
        guard let first = needle.first else { return true }
        guard needle.count <= hay.count else { return false }
        for start in 0...(hay.count - needle.count) where hay[start] == first {
            if hay[start..<start + needle.count].elementsEqual(needle) { return true }
        }
        return false
    }

    /// `substr`: by code points, from an index (from the end where negative), for a length (up to so many before the end
    /// where negative).
    mutating func substring(_ values: [JSON]) throws(RuleFault) -> String {
        let scalars = Array(try text(values[0]).unicodeScalars)
        try effort.spend(scalars.count / 16)
        let start = RuleMachine.clamped(try number(values[1]))
        let begin =
            start < 0 ? (-start >= scalars.count ? 0 : scalars.count + start) : min(start, scalars.count)
        var end = scalars.count
        if values.count > 2, !values[2].isNull {
            let length = RuleMachine.clamped(try number(values[2]))
            end = length < 0 ? max(begin, scalars.count + length) : min(scalars.count, begin + length)
        }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[begin..<max(begin, end)])
        return String(view)
    }

    /// A whole number that no text's length reaches beyond; 0 for what is no number.
    private static func clamped(_ number: Number) -> Int {
        let limit = Double(Int32.max)
        let value = number.real
        return value.isNaN ? 0 : Int(max(-limit, min(limit, value)))
    }
}
