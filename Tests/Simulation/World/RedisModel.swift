package import Store

/// What one Redis server holds and does, as a value: the commands that the scripts use, its clock, its run id. Compared
/// with a real redis-server, reply by reply, in `ScriptModelTests`.
package struct RedisModel: Sendable {
    /// What a key holds.
    package enum Value: Sendable, Equatable {
        case string(String)
        case hash([String: String])
        case stream(StreamModel)
        /// Members with whole scores.
        case sorted([String: Int64])
        /// A type that no script of ours writes, by the name that `TYPE` gives it.
        case other(String)

        var kind: String {
            switch self {
            case .string: "string"
            case .hash: "hash"
            case .stream: "stream"
            case .sorted: "zset"
            case .other(let name): name
            }
        }
    }

    private struct Entry: Sendable {
        var value: Value
        /// In this server's milliseconds; a key lives through its last one.
        var expires: Int64?
    }

    private var entries: [String: Entry] = [:]
    /// The server's wall clock, in milliseconds since 1970.
    package private(set) var clock: Int64
    /// Another after each start of the server.
    package var runID: String
    /// What `PUBLISH` sent since this was last emptied: channel and message.
    package var published: [(channel: String, message: String)] = []

    /// An empty server.
    package init(clock: Int64, runID: String) {
        self.clock = clock
        self.runID = runID
    }

    /// Takes over what another server holds, as a replica or from a file; clock and run id stay.
    package mutating func load(_ other: RedisModel) { entries = other.entries }

    /// `FLUSHALL`.
    package mutating func wipe() { entries.removeAll() }

    /// The wall clock moves or is stepped. Keys whose time is over are gone for good: they do not return with a clock that
    /// goes back.
    package mutating func setClock(_ milliseconds: Int64) {
        clock = milliseconds
        for (key, entry) in entries where entry.expires.map({ $0 < milliseconds }) ?? false {
            entries[key] = nil
        }
    }

    // MARK: - Any type

    private func live(_ key: String) -> Entry? {
        guard let entry = entries[key] else { return nil }
        if let expires = entry.expires, clock > expires { return nil }
        return entry
    }

    /// Makes sure that what is changed is not a key whose time is over.
    private mutating func settle(_ key: String) { if live(key) == nil { entries[key] = nil } }

    /// `TYPE`.
    package func type(_ key: String) -> String { live(key)?.value.kind ?? "none" }

    /// `EXISTS`.
    package func exists(_ key: String) -> Bool { live(key) != nil }

    /// `DEL`.
    package mutating func delete(_ key: String) { entries[key] = nil }

    /// `PTTL`: -2 for no key, -1 for one without an expiry.
    package func pttl(_ key: String) -> Int64 {
        guard let entry = live(key) else { return -2 }
        return entry.expires.map { $0 - clock } ?? -1
    }

    /// `PEXPIRE`.
    package mutating func expire(_ key: String, in milliseconds: Int64) {
        settle(key)
        entries[key]?.expires = clock + milliseconds
    }

    /// Puts any value there (a person's doing, or a test's).
    package mutating func put(_ key: String, _ value: Value, expiresIn: Int64? = nil) {
        entries[key] = Entry(value: value, expires: expiresIn.map { clock + $0 })
    }

    // MARK: - Strings

    /// The error of a command on a key of another type.
    package static let wrongType = ReplyError(
        code: "WRONGTYPE", message: "Operation against a key holding the wrong kind of value")

    /// `GET`.
    package func get(_ key: String) throws(ReplyError) -> String? {
        switch live(key)?.value {
        case nil: nil
        case .string(let text): text
        case .hash, .stream, .sorted, .other: throw RedisModel.wrongType
        }
    }

    /// `SET`, with `PX` where an expiry is given.
    package mutating func set(_ key: String, _ text: String, expiresIn: Int64? = nil) {
        put(key, .string(text), expiresIn: expiresIn)
    }

    // MARK: - Hashes

    private func hash(_ key: String) throws(ReplyError) -> [String: String] {
        switch live(key)?.value {
        case nil: [:]
        case .hash(let fields): fields
        case .string, .stream, .sorted, .other: throw RedisModel.wrongType
        }
    }

    /// `HGET`.
    package func field(_ key: String, _ name: String) throws(ReplyError) -> String? { try hash(key)[name] }

    /// `HGETALL`.
    package func fields(_ key: String) throws(ReplyError) -> [String: String] { try hash(key) }

    /// `HSET`; the number of new fields.
    @discardableResult
    package mutating func setFields(_ key: String, _ pairs: KeyValuePairs<String, String>) throws(ReplyError)
        -> Int64
    {
        var fields = try hash(key)
        settle(key)
        let before = fields.count
        for (name, value) in pairs { fields[name] = value }
        entries[key] = Entry(value: .hash(fields), expires: entries[key]?.expires)
        return Int64(fields.count - before)
    }

    /// `HDEL`; the number of fields that were there.
    @discardableResult
    package mutating func removeFields(_ key: String, _ names: [String]) throws(ReplyError) -> Int64 {
        var fields = try hash(key)
        settle(key)
        let before = fields.count
        for name in names { fields[name] = nil }
        guard fields.count != before else { return 0 }
        entries[key] = fields.isEmpty ? nil : Entry(value: .hash(fields), expires: entries[key]?.expires)
        return Int64(before - fields.count)
    }

    // MARK: - Streams

    /// The stream at a key, empty for none.
    package func stream(_ key: String) throws(ReplyError) -> StreamModel {
        switch live(key)?.value {
        case nil: StreamModel()
        case .stream(let stream): stream
        case .string, .hash, .sorted, .other: throw RedisModel.wrongType
        }
    }

    /// `XADD key MAXLEN ~ 1000 * …`.
    package mutating func append(_ key: String, _ pairs: [(String, String)]) throws(ReplyError) {
        settle(key)
        var stream = try stream(key)
        let expires = entries[key]?.expires
        entries[key] = nil  // one owner: the stream grows in place
        stream.append(pairs, clock: clock)
        entries[key] = Entry(value: .stream(stream), expires: expires)
    }

    // MARK: - Sorted sets

    private func sorted(_ key: String) throws(ReplyError) -> [String: Int64] {
        switch live(key)?.value {
        case nil: [:]
        case .sorted(let members): members
        case .string, .hash, .stream, .other: throw RedisModel.wrongType
        }
    }

    /// `ZRANGE key 0 -1 WITHSCORES`.
    package func members(_ key: String) throws(ReplyError) -> [(name: String, score: Int64)] {
        try sorted(key).map { ($0, $1) }.sorted { ($0.score, $0.name) < ($1.score, $1.name) }
    }

    /// `ZADD`.
    package mutating func add(_ key: String, _ name: String, score: Int64) throws(ReplyError) {
        var members = try sorted(key)
        settle(key)
        members[name] = score
        entries[key] = Entry(value: .sorted(members), expires: entries[key]?.expires)
    }

    /// `ZREM`, and with the members below a score `ZREMRANGEBYSCORE`.
    package mutating func removeMembers(_ key: String, where isGone: (String, Int64) -> Bool)
        throws(ReplyError)
    {
        let members = try sorted(key)
        settle(key)
        let left = members.filter { !isGone($0.key, $0.value) }
        guard left.count != members.count else { return }
        entries[key] = left.isEmpty ? nil : Entry(value: .sorted(left), expires: entries[key]?.expires)
    }

    /// `PUBLISH`.
    package mutating func publish(_ channel: String, _ message: String) {
        published.append((channel, message))
    }

    /// What can be compared: every live key with its value and the rest of its time.
    package var contents: [String: (value: Value, pttl: Int64)] {
        var all: [String: (Value, Int64)] = [:]
        for key in entries.keys {
            if let entry = live(key) { all[key] = (entry.value, pttl(key)) }
        }
        return all
    }
}
