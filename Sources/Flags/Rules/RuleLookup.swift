/// How rules find things in their data.
extension RuleMachine {
    /// The parts of a name with dots.
    static func parts(of key: String) -> [String] {
        key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    }

    /// What a key names in the data; nil when it is absent or null.
    mutating func variable(_ key: JSON, in data: JSON) throws(RuleFault) -> JSON? {
        switch key {
        case .null: return data
        case .string(let name):
            return name.isEmpty ? data : try look(up: RuleMachine.parts(of: name), in: data)
        case .bool, .integer, .number:
            let index = try number(key)
            guard let place = index.truncated, index.real == Double(place) else { return nil }
            switch data {
            case .array(let elements): return elements.indices.contains(place) ? elements[place] : nil
            case .string(let text): return try letter(place, of: text)
            case .null, .bool, .integer, .number, .object: return nil
            }
        case .array, .object:
            return try look(up: RuleMachine.parts(of: try text(key)), in: data)
        }
    }

    /// What a path names; nil when it is absent or null.
    mutating func look(up parts: [String], in data: JSON) throws(RuleFault) -> JSON? {
        var current = data
        for part in parts {
            switch current {
            case .object(let object): current = object[part] ?? .null
            case .array(let elements):
                if part == "length" {
                    current = .integer(Int64(elements.count))
                } else {
                    guard let place = RuleMachine.index(part), place < elements.count else { return nil }
                    current = elements[place]
                }
            case .string(let text):
                if part == "length" {
                    try effort.spend(text.utf8.count / 16)
                    current = .integer(Int64(text.unicodeScalars.count))
                } else {
                    guard let place = RuleMachine.index(part), let letter = try letter(place, of: text) else {
                        return nil
                    }
                    current = letter
                }
            case .null, .bool, .integer, .number: return nil
            }
        }
        return current.isNull ? nil : current
    }

    private static func index(_ part: String) -> Int? {
        guard let place = Int(part), place >= 0, String(place) == part else { return nil }
        return place
    }

    private mutating func letter(_ place: Int, of text: String) throws(RuleFault) -> JSON? {
        try effort.spend(text.utf8.count / 16)
        let scalars = text.unicodeScalars
        guard place >= 0,
            let index = scalars.index(scalars.startIndex, offsetBy: place, limitedBy: scalars.endIndex),
            index != scalars.endIndex
        else { return nil }
        return .string(String(scalars[index]))
    }

    /// The keys that name nothing, or an empty text.
    mutating func missing(_ keys: [JSON], in data: JSON) throws(RuleFault) -> [JSON] {
        var absent: [JSON] = []
        for key in keys {
            try effort.spend(1)
            let value = try variable(key, in: data)
            if value == nil || value?.isNull == true || value?.text == "" { absent.append(key) }
        }
        return absent
    }
}

extension JSON {
    /// True for null.
    var isNull: Bool {
        guard case .null = self else { return false }
        return true
    }
}
