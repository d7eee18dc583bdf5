package import Linux

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
                // What is no text cannot be named on a command line.
                case .value where field.contains("\u{FFFD}"), .address where field.contains("\u{FFFD}"):
                    "its name is no UTF-8: take it off with redis-cli (HDEL)"
                case .value where address?.description == field:
                    "'troop servers add \(name)' writes it anew, 'troop servers remove \(name)' takes it off"
                case .value, .address: "'troop servers remove \(name)' takes it off"
                }
            let why = Roster.printable("\(fault)", Roster.faultCharactersMax)
            return "\(Status.listNotice)'\(Roster.printable(field))': \(why); \(meaning); \(advice)"
        }
    }

    /// The malformed entries that somebody may mean by a name: as it stands in the store, or as notices show it.
    func malformedFields(named name: String) -> [String] {
        if list.faults[name] != nil { return [name] }
        return list.faults.keys.filter { Roster.printable($0) == name }.sorted()
    }

    /// The fields that a person means who wants an entry taken off by this name: all spellings of an address, or what stands
    /// in the list by hand.
    package func fields(named name: String) throws(EntryNameFault) -> [String] {
        try Roster.fields(named: name, malformed: malformedFields(named: name))
    }

    /// The same, given the malformed entries that may be meant.
    static func fields(named name: String, malformed: [String]) throws(EntryNameFault) -> [String] {
        guard malformed.count <= 1 else { throw .ambiguous(malformed.count) }
        do throws(SocketAddressFault) {
            let address = try SocketAddress(name, allowingPortZero: true)
            // One that is in the way of a good entry for the same address goes alone.
            if malformed == [name], name != address.description { return malformed }
            var spellings = [address.description]
            if let mapped = address.mappedDescription { spellings.append(mapped) }
            if !spellings.contains(name) { spellings.append(name) }
            return spellings
        } catch {
            if malformed.isEmpty { throw .nobody(error) }
            return malformed
        }
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

/// Why a name is no entry's.
package enum EntryNameFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// No address, and no entry is called so.
    case nobody(SocketAddressFault)
    /// So many entries look like that.
    case ambiguous(Int)

    /// The status of HTTP that tells it.
    var status: Int {
        switch self {
        case .nobody: 400
        case .ambiguous: 409
        }
    }

    package var description: String {
        switch self {
        case .nobody(let fault): "\(fault); and no entry of the list is called so"
        case .ambiguous(let count):
            "\(count) entries of the list look like that; take them off with redis-cli (HDEL)"
        }
    }
}

extension Status {
    /// What notices about the server list begin with.
    static let listNotice = "server list: "

    /// What is wrong with the server list, one line each.
    package var listNotices: [String] { notices.filter { $0.hasPrefix(Status.listNotice) } }
}
