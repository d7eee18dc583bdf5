import Linux
import Store

/// What a store says of itself, as far as this agent's user may ask.
struct StoreFacts: Sendable, Equatable {
    /// Something that may not be asked, or what it is.
    enum Told<Value: Sendable & Equatable>: Sendable, Equatable {
        case known(Value)
        case refused(String)
    }

    /// `INFO`, all sections.
    var info: Told<[String: String]>
    /// `CONFIG GET` of what the checks want.
    var settings: Told<[String: String]>
    /// Commands that this user may not use of those that an agent needs; refused where it cannot be tried.
    var missingRights: Told<[String]>
    /// Redis's clock less this host's, in milliseconds; nil when it was not told.
    var clockAheadMilliseconds: Int64?
    /// How long the answer to a small command took, in milliseconds.
    var roundTripMilliseconds: Int64

    /// The settings that the checks want.
    static let wantedSettings = [
        "maxmemory-policy", "maxclients", "appendonly", "appendfsync", "no-appendfsync-on-rewrite", "save",
        "min-replicas-to-write", "min-replicas-max-lag", "stop-writes-on-bgsave-error",
    ]

    /// One harmless form of every command that an agent uses, on keys of this troop that do not exist.
    static func rehearsal(_ keys: Keys) -> [[String]] {
        let key = keys.prefix + "check"
        return [
            ["TYPE", key], ["EXISTS", key], ["GET", key], ["SET", key, "1"], ["DEL", key], ["PTTL", key],
            ["PEXPIRE", key, "1"], ["HGET", key, "f"], ["HMGET", key, "f"], ["HGETALL", key],
            ["HSET", key, "f", "v"],
            ["HSETNX", key, "f", "v"], ["HDEL", key, "f"], ["HEXISTS", key, "f"], ["HLEN", key],
            ["ZADD", key, "1", "m"], ["ZCARD", key], ["ZREM", key, "m"],
            ["ZRANGE", key, "0", "0"], ["ZREMRANGEBYSCORE", key, "1", "1"], ["XADD", key, "*", "f", "v"],
            ["XRANGE", key, "-", "+", "COUNT", "1"], ["XREVRANGE", key, "+", "-", "COUNT", "1"],
            ["PUBLISH", keys.news, "check"], ["EVAL", "return 1", "1", key], ["INFO", "server"], ["TIME"],
            ["PING"],
        ]
    }

    /// Asks a store; nothing is written to it.
    static func gather(
        _ connection: StoreConnection, _ keys: Keys, until deadline: Instant, wallMilliseconds: () -> Int64
    ) throws(StoreFault) -> StoreFacts {
        let before = (Instant.now(), wallMilliseconds())
        let time = try connection.pipeline([Command("TIME")], until: deadline).first
        let took = Instant.now().milliseconds(since: before.0)
        let replies = try connection.pipeline(
            [Command("INFO"), Command(["CONFIG", "GET"] + wantedSettings)], until: deadline)
        return StoreFacts(
            info: info(replies[0]), settings: try settings(replies[1], connection, until: deadline),
            missingRights: try rights(connection, keys, until: deadline),
            clockAheadMilliseconds: clock(time).map { $0 - (before.1 + took / 2) },
            roundTripMilliseconds: took)
    }

    private static func clock(_ reply: Reply?) -> Int64? {
        guard let parts = reply?.elements, parts.count == 2, let seconds = parts[0].integer,
            let micros = parts[1].integer, (0...(1 << 40)).contains(seconds)
        else { return nil }
        return seconds * 1000 + micros / 1000
    }

    private static func info(_ reply: Reply) -> Told<[String: String]> {
        if case .error(let error) = reply { return .refused("\(error)") }
        var fields: [String: String] = [:]
        for line in (reply.text ?? "").split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":"), line.first != "#" else { continue }
            fields[String(line[..<colon])] = String(line[line.index(after: colon)...].prefix(256))
        }
        return fields.isEmpty ? .refused("INFO says nothing") : .known(fields)
    }

    /// Redis before 7 takes only one name at a time.
    private static func settings(
        _ reply: Reply, _ connection: StoreConnection, until deadline: Instant
    ) throws(StoreFault) -> Told<[String: String]> {
        var parts: [Reply] = []
        switch reply {
        case .array(let elements): parts = elements
        case .error(let error) where error.kind == .configuration: return .refused("\(error)")
        case .error, .status, .integer, .bulk, .null:
            let commands = wantedSettings.map { Command("CONFIG", "GET", $0) }
            for reply in try connection.pipeline(commands, until: deadline) {
                if case .error(let error) = reply { return .refused("\(error)") }
                parts += reply.elements ?? []
            }
        }
        var settings: [String: String] = [:]
        for index in stride(from: 0, to: parts.count - 1, by: 2) {
            if let name = parts[index].text, let value = parts[index + 1].text { settings[name] = value }
        }
        return .known(settings)
    }

    /// Tries every command within a transaction that is thrown away: Redis judges rights when it queues a command.
    private static func rights(
        _ connection: StoreConnection, _ keys: Keys, until deadline: Instant
    ) throws(StoreFault) -> Told<[String]> {
        let begun = try connection.pipeline([Command("MULTI")], until: deadline).first
        guard begun == .status("OK") else {
            guard case .error(let error) = begun else { return .refused("MULTI was not taken") }
            return .refused("\(error)")
        }
        let rehearsal = rehearsal(keys)
        let replies = try connection.pipeline(rehearsal.map { Command($0) }, until: deadline)
        let ended = try connection.pipeline([Command("DISCARD")], until: deadline).first
        if ended != .status("OK") { connection.close() }  // nothing may be carried out later
        var missing: [String] = []
        for (words, reply) in zip(rehearsal, replies) {
            if case .error(let error) = reply, error.code == "NOPERM" {
                missing.append(words[0].lowercased())
            }
        }
        return .known(missing)
    }
}
