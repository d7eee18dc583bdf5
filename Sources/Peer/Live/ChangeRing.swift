/// The latest changes of a live feed with their numbers: who lost the connection for a moment gets what was missed and
/// not everything anew.
struct ChangeRing: Sendable {
    /// Tells one run of an agent from another in the ids, so that numbers of a former run are not taken for this one's.
    let run: String
    /// The number of the latest change; the first snapshot has 0.
    private(set) var latest = 0
    private var changes: [(number: Int, event: [UInt8])] = []
    private var bytes = 0

    /// Changes that are kept: about a minute's.
    static let countMax = 64
    /// Their size at most, in bytes.
    static let bytesMax = 8 * 1024 * 1024

    /// An empty ring.
    init(run: String) { self.run = run }

    /// The id of the latest change.
    var id: String { "\(run)-\(latest)" }

    /// Adds a change and returns it as an event of the stream.
    mutating func add(_ json: [UInt8]) -> [UInt8] {
        latest += 1
        let event = ChangeRing.event("change", id: id, json)
        changes.append((latest, event))
        bytes += event.count
        while changes.count > ChangeRing.countMax || (bytes > ChangeRing.bytesMax && changes.count > 1) {
            bytes -= changes.removeFirst().event.count
        }
        return event
    }

    /// The events after the one with this id, which may be none; nil when they cannot be had any more.
    func events(after id: String) -> [[UInt8]]? {
        let parts = id.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0] == run[...], let number = Int(parts[1]),
            (0...latest).contains(number)
        else { return nil }
        if number == latest { return [] }
        guard let first = changes.first, first.number <= number + 1 else { return nil }
        return changes.filter { $0.number > number }.map(\.event)
    }

    /// One event in the form of server-sent events; the JSON is one line.
    static func event(_ name: String, id: String, _ json: [UInt8]) -> [UInt8] {
        Array("event: \(name)\nid: \(id)\ndata: ".utf8) + json + Array("\n\n".utf8)
    }
}
