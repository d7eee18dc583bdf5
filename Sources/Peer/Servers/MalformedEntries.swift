import Linux

/// Entries of the store's list that make no sense: what is said of them, and how they are named to be taken off.
extension Roster {
    /// A line for people on each, with what takes it off or mends it.
    var malformedEntries: [String] {
        list.faults.sorted { $0.key < $1.key }.map { field, fault in
            let address = try? SocketAddress(field)
            let kept = address.flatMap { list.entries[$0] } != nil
            let meaning = kept ? "its last good value stays in force" : "it is not routed to"
            let name = Roster.argument(field)
            let advice =
                switch fault {
                case .value where address?.description == field:
                    "'troop servers add \(name)' writes it anew, 'troop servers remove \(name)' takes it off"
                case .value, .address: "'troop servers remove \(name)' takes it off"
                }
            let why = Roster.printable("\(fault)", Roster.faultCharactersMax)
            return "\(Status.listNotice)'\(Roster.printable(field))': \(why); \(meaning); \(advice)"
        }
    }

    /// The malformed entries that somebody may mean by a name: as it stands in the store, or as notices show it.
    package func malformedFields(named name: String) -> [String] {
        if list.faults[name] != nil { return [name] }
        return list.faults.keys.filter { Roster.printable($0) == name }.sorted()
    }

    /// A field of the list as a shell takes it for one word, fit for a log and a status.
    static func argument(_ field: String) -> String {
        let text = printable(field)
        let isPlain = { (character: Character) in
            character.isASCII && (character.isLetter || character.isNumber || ".:_-@/[]".contains(character))
        }
        if !text.isEmpty, !text.hasPrefix("-"), text.allSatisfy(isPlain) { return text }
        var word = ""
        for character in text {
            if "\"\\$`".contains(character) { word.append("\\") }
            word.append(character)
        }
        return text.hasPrefix("-") ? "-- \"\(word)\"" : "\"\(word)\""
    }

    private static let faultCharactersMax = 300
}

extension Status {
    /// What notices about the server list begin with.
    static let listNotice = "server list: "

    /// What is wrong with the server list, one line each.
    package var listNotices: [String] { notices.filter { $0.hasPrefix(Status.listNotice) } }
}
