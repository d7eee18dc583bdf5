import Store

/// `ElectionScripts` in Swift, line by line.
extension ScriptCall {
    private static let ttlMax: Int64 = 60_000
    private static let epochMax: Int64 = 2_251_799_813_685_248

    private enum Position {
        static let lease = 0
        static let epoch = 1
        static let store = 2
        static let quarantine = 3
        static let history = 4
        static let handover = 5
    }

    /// Who the store was before, and the longest lease it has given.
    private struct Memory {
        var given: Int64
        var now: Int64
    }

    private func checkTypes(_ redis: RedisModel) throws(ReplyError) {
        for index in [Position.lease, Position.epoch, Position.store, Position.handover] {
            let kind = redis.type(keys[index])
            if kind == "string" || kind == "none" { continue }
            throw ReplyError(
                code: "WRONGTYPE", message: "\(keys[index]) holds a \(kind), expected a string")
        }
    }

    /// `^(%x+) ?(%d*)$`
    private static func storeValue(_ text: String) -> (run: Substring, given: Substring)? {
        let run = text.prefix { $0.isASCII && $0.isHexDigit }
        var rest = text[run.endIndex...]
        if rest.first == " " { rest = rest.dropFirst() }
        guard !run.isEmpty, rest.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        return (run, rest)
    }

    private static func whole(_ text: String) -> Int64 {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return 0 }
        guard let number = Double(text), number <= Double(epochMax) else { return 0 }
        return Int64(number)
    }

    private mutating func remember(_ redis: inout RedisModel) throws(ReplyError) -> Memory {
        try checkTypes(redis)
        let value = ScriptCall.storeValue(try redis.get(keys[Position.store]) ?? "")
        let given = Int64(min(Double(value?.given ?? "") ?? 0, Double(ScriptCall.ttlMax)))
        if value.map({ String($0.run) }) != redis.runID {
            redis.set(keys[Position.store], "\(redis.runID) \(given)")
            if broken != .noQuarantine {
                redis.set(keys[Position.quarantine], "1", expiresIn: number(1))
            }
        }
        return Memory(given: given, now: redis.clock)
    }

    private mutating func record(_ redis: inout RedisModel, _ pairs: [(String, String)]) {
        do throws(ReplyError) {
            try redis.append(keys[Position.history], [("at", "\(redis.clock)")] + pairs)
        } catch {
            note = "history not written: \(error)"
        }
    }

    private func capped(
        _ redis: inout RedisModel, _ position: Int, most: Int64, needsExpiry: Bool
    ) -> Int64 {
        let left = redis.pttl(keys[position])
        guard broken != .uncappedTTL, left > most || (needsExpiry && left == -1) else { return left }
        redis.expire(keys[position], in: most)
        return most
    }

    private func refused(_ why: String, _ detail: String, _ pttl: Int64) -> Reply {
        .array([.integer(0), ScriptCall.bulk(why), ScriptCall.bulk(detail), .integer(pttl)])
    }

    private func quarantined(_ redis: inout RedisModel) throws(ReplyError) -> Reply {
        let seen = ScriptCall.whole(arguments[4])
        if broken != .noFloor, seen > ScriptCall.whole(try redis.get(keys[Position.epoch]) ?? "") {
            redis.set(keys[Position.epoch], "\(seen)")
        }
        let left = capped(&redis, Position.quarantine, most: number(1), needsExpiry: true)
        return refused("quarantine", "", left)
    }

    mutating func acquire(_ redis: inout RedisModel) throws(ReplyError) -> Reply {
        let memory = try remember(&redis)
        let (ttl, host, dead) = (number(0), arguments[2], arguments[6])
        if let held = try redis.get(keys[Position.lease]), dead.isEmpty || held != dead {
            if held.hasPrefix("\(host):\(arguments[3]):"), redis.exists(keys[Position.quarantine]) {
                return try quarantined(&redis)
            }
            let most = max(ttl, memory.given)
            return refused("held", held, capped(&redis, Position.lease, most: most, needsExpiry: false))
        }
        let ignoresQuarantine = broken == .stealWithoutQuarantine && !dead.isEmpty
        if redis.exists(keys[Position.quarantine]), !ignoresQuarantine {
            return try quarantined(&redis)
        }
        if let reserved = try redis.get(keys[Position.handover]), reserved != host {
            let left = capped(&redis, Position.handover, most: number(7), needsExpiry: true)
            return refused("reserved", reserved, left)
        }
        let lastEpoch = try redis.get(keys[Position.epoch]) ?? ""
        let floor = max(ScriptCall.whole(arguments[4]), memory.now)
        let last = ScriptCall.whole(lastEpoch)
        let epoch = (broken == .noFloor ? last : max(last, floor)) + 1
        guard epoch <= ScriptCall.epochMax else {
            throw ReplyError(
                code: "EPOCHS",
                message: "\(keys[Position.epoch]) cannot rise beyond \(ScriptCall.epochMax): a person set it;"
                    + " with all agents stopped, remove it and every epoch.json")
        }
        let token = "\(host):\(arguments[3]):\(epoch)"
        let (reason, leaderless) = whyNow(redis, lastEpoch: lastEpoch, now: memory.now)
        redis.set(keys[Position.epoch], "\(epoch)")
        redis.set(keys[Position.store], "\(redis.runID) \(arguments[0])")
        redis.delete(keys[Position.handover])
        redis.set(keys[Position.lease], token, expiresIn: ttl)
        record(
            &redis,
            [
                ("event", "elected"), ("epoch", "\(epoch)"), ("leader", host), ("reason", reason),
                ("leaderless", leaderless),
            ])
        redis.publish(keys[Position.lease], "elected \(token)")
        return .array([
            .integer(1), ScriptCall.bulk(token), .integer(ttl), ScriptCall.bulk(reason),
            ScriptCall.bulk(note),
        ])
    }

    /// What the last leader said when it released, else what the asking agent believes.
    private func whyNow(_ redis: RedisModel, lastEpoch: String, now: Int64) -> (String, String) {
        guard let last = (try? redis.stream(keys[Position.history]))?.entries.last,
            last["event"] == "released", last["epoch"] == lastEpoch, let leader = last["leader"],
            let reason = last["reason"]
        else { return (arguments[5], arguments[8]) }
        return ("\(leader) \(reason)", "\(max(0, now - ScriptCall.whole(last["at"] ?? "")))")
    }

    /// `^([^:]+):[^:]+:(%d+)$`
    private static func parts(_ token: String) -> (host: String, epoch: String)? {
        let parts = token.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }),
            parts[2].utf8.allSatisfy({ (48...57).contains($0) })
        else { return nil }
        return (String(parts[0]), String(parts[2]))
    }

    mutating func renew(_ redis: inout RedisModel) throws(ReplyError) -> Reply {
        _ = try remember(&redis)
        let token = arguments[2]
        let held = try redis.get(keys[Position.lease])
        if held == token {
            redis.expire(keys[Position.lease], in: number(0))
            return .array([.integer(1), ScriptCall.bulk("renewed")])
        }
        let parts = ScriptCall.parts(token)
        let forgotten = held == nil && redis.exists(keys[Position.quarantine])
        let stored = try redis.get(keys[Position.epoch]) ?? ""
        guard forgotten, let parts, ScriptCall.whole(parts.epoch) >= ScriptCall.whole(stored) else {
            return .array([.integer(0), ScriptCall.bulk(held ?? "")])
        }
        redis.set(keys[Position.epoch], parts.epoch)
        redis.set(keys[Position.store], "\(redis.runID) \(arguments[0])")
        redis.set(keys[Position.lease], token, expiresIn: number(0))
        record(
            &redis,
            [
                ("event", "reinstated"), ("epoch", parts.epoch), ("leader", parts.host),
                ("reason", "the store lost its memory"),
            ])
        redis.publish(keys[Position.lease], "reinstated \(token)")
        return .array([.integer(1), ScriptCall.bulk("reinstated")])
    }

    mutating func release(_ redis: inout RedisModel) -> Reply {
        guard let held = try? redis.get(keys[Position.lease]) else { return .integer(0) }
        let (subject, target) = (arguments[0], arguments[2])
        guard held == subject || (arguments[1] == "any" && held.hasPrefix(subject)) else {
            return .integer(0)
        }
        redis.delete(keys[Position.lease])
        var how = "resigned: "
        if !target.isEmpty {
            redis.set(keys[Position.handover], target, expiresIn: number(3))
            how = "handed over to \(target): "
        }
        let parts = ScriptCall.parts(held)
        record(
            &redis,
            [
                ("event", "released"), ("epoch", parts?.epoch ?? ""), ("leader", parts?.host ?? ""),
                ("reason", how + arguments[4]),
            ])
        redis.publish(keys[Position.lease], "released \(held) \(target)")
        return .integer(1)
    }

    func look(_ redis: RedisModel) throws(ReplyError) -> Reply {
        try checkTypes(redis)
        guard let held = try redis.get(keys[Position.lease]) else { return refused("absent", "", 0) }
        return refused("held", held, redis.pttl(keys[Position.lease]))
    }
}
