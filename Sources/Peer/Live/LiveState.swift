/// What a page shows of a troop at one moment, in the pieces that change by themselves: the head of the status, each
/// host, each server, and whole sections (events, operations, …) that other routes answer.
struct LiveState: Sendable, Equatable {
    /// The members of the status but for hosts and servers, as one JSON object.
    private(set) var head: [UInt8] = []
    /// Each host's and each server's members, by its name or address as JSON text.
    private(set) var hosts: [String: [JSONMembers.Member]] = [:]
    private(set) var servers: [String: [JSONMembers.Member]] = [:]
    /// The documents of other routes by their sections' names; a section that does not exist is missing.
    var sections: [String: [UInt8]] = [:]
    /// Why the last reading of a section failed and from when its document is, as a JSON object, by the section's name.
    var stale: [String: [UInt8]] = [:]

    /// A state from a status document as `JSONForm` writes it.
    init(status: [UInt8]) {
        var head: [[UInt8]] = []
        for member in JSONMembers.members(of: status[...]) {
            switch member.name {
            case "hosts": hosts = LiveState.table(member.value, by: "name")
            case "servers": servers = LiveState.table(member.value, by: "address")
            default: head.append(LiveState.text(member.name) + [UInt8(ascii: ":")] + member.value)
            }
        }
        self.head = LiveState.object(head)
    }

    private static func table(
        _ array: ArraySlice<UInt8>, by key: String
    ) -> [String: [JSONMembers.Member]] {
        var table: [String: [JSONMembers.Member]] = [:]
        for element in JSONMembers.elements(of: array) {
            let members = JSONMembers.members(of: element)
            guard let name = members.first(where: { $0.name == key })?.value else { continue }
            table[String(decoding: name, as: UTF8.self)] = members
        }
        return table
    }

    /// Everything, as the JSON of an event `snapshot`.
    func snapshot(atMs: Int64) -> [UInt8] {
        LiveState.object([
            Array("\"at_ms\":\(atMs)".utf8),
            Array("\"head\":".utf8) + head,
            Array("\"hosts\":".utf8) + LiveState.object(hosts.map { LiveState.row($0.key, $0.value) }),
            Array("\"servers\":".utf8) + LiveState.object(servers.map { LiveState.row($0.key, $0.value) }),
            Array("\"sections\":".utf8)
                + LiveState.object(sections.map { LiveState.section($0.key, $0.value) }),
            Array("\"stale\":".utf8) + staleSections,
        ])
    }

    /// What became different since `old`, as the JSON of an event `change`: members that are the same are left out, a
    /// host, server or section that is gone is null; what is stale is told as a whole. Nil when nothing did.
    func change(since old: LiveState, atMs: Int64) -> [UInt8]? {
        var parts: [[UInt8]] = []
        if head != old.head { parts.append(Array("\"head\":".utf8) + head) }
        for (name, now, before) in [("hosts", hosts, old.hosts), ("servers", servers, old.servers)] {
            let rows = LiveState.difference(now, before)
            if !rows.isEmpty { parts.append(Array("\"\(name)\":".utf8) + LiveState.object(rows)) }
        }
        var changed: [[UInt8]] = []
        for (name, body) in sections where old.sections[name] != body {
            changed.append(LiveState.section(name, body))
        }
        for name in old.sections.keys where sections[name] == nil {
            changed.append(LiveState.section(name, Array("null".utf8)))
        }
        if !changed.isEmpty { parts.append(Array("\"sections\":".utf8) + LiveState.object(changed)) }
        if stale != old.stale { parts.append(Array("\"stale\":".utf8) + staleSections) }
        if parts.isEmpty { return nil }
        return LiveState.object([Array("\"at_ms\":\(atMs)".utf8)] + parts)
    }

    private static func difference(
        _ now: [String: [JSONMembers.Member]], _ before: [String: [JSONMembers.Member]]
    ) -> [[UInt8]] {
        var rows: [[UInt8]] = []
        for (key, members) in now {
            guard let old = before[key] else {
                rows.append(row(key, members))
                continue
            }
            if members == old { continue }
            let isSameShape = members.count == old.count
            let changed = members.enumerated().filter { index, member in
                isSameShape && old[index].name == member.name
                    ? old[index].value != member.value : !old.contains(member)
            }.map(\.element)
            // A report's age alone moves each second and says nothing while reports come in time.
            let isLate = !members.contains { $0.name == "state" && $0.value.elementsEqual("\"up\"".utf8) }
            if changed.isEmpty || (changed.allSatisfy { $0.name == "report_age_ms" } && !isLate) { continue }
            rows.append(row(key, changed))
        }
        for key in before.keys where now[key] == nil { rows.append(Array("\(key):null".utf8)) }
        return rows
    }

    private static func row(_ key: String, _ members: [JSONMembers.Member]) -> [UInt8] {
        Array(key.utf8) + [UInt8(ascii: ":")]
            + object(members.map { text($0.name) + [UInt8(ascii: ":")] + $0.value })
    }

    private var staleSections: [UInt8] {
        LiveState.object(stale.sorted { $0.key < $1.key }.map { LiveState.section($0.key, $0.value) })
    }

    private static func section(_ name: String, _ body: [UInt8]) -> [UInt8] {
        text(name) + [UInt8(ascii: ":")] + body
    }

    /// An object of members that were taken apart before.
    static func object(_ members: [JSONMembers.Member]) -> [UInt8] {
        object(members.map { text($0.name) + [UInt8(ascii: ":")] + $0.value })
    }

    private static func text(_ name: String) -> [UInt8] { Array("\"\(name)\"".utf8) }

    private static func object(_ members: [[UInt8]]) -> [UInt8] {
        var bytes: [UInt8] = [UInt8(ascii: "{")]
        bytes.reserveCapacity(members.reduce(2) { $0 + $1.count + 1 })
        for (index, member) in members.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += member
        }
        return bytes + [UInt8(ascii: "}")]
    }
}
