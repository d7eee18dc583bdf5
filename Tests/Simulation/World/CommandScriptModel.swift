import Store

/// `CommandScripts` in Swift.
extension ScriptCall {
    func askCommand(_ redis: inout RedisModel) throws(ReplyError) -> Reply {
        try redis.append(
            keys[0],
            [
                ("id", arguments[0]), ("command", arguments[1]),
                ("not_after", "\(redis.clock + number(2))"),
            ])
        redis.publish(keys[1], "commands")
        return .integer(1)
    }

    func takeCommand(_ redis: inout RedisModel) throws(ReplyError) -> Reply {
        try fence(redis)
        let cursor = try redis.field(keys[2], "commands_cursor").flatMap { StreamModel.ID($0) }
        guard let found = try redis.stream(keys[1]).first(after: cursor ?? StreamModel.ID(0, 0)) else {
            return .null
        }
        try redis.setFields(keys[2], ["commands_cursor": found.id.description])
        guard let id = found["id"], ScriptCall.isID(id), let command = found["command"] else {
            return .array([ScriptCall.bulk(""), ScriptCall.bulk("")])
        }
        let isOver = redis.clock > (found["not_after"].flatMap { Int64($0) } ?? 0)
        let outcome = arguments[1] + id
        if isOver {
            try redis.setFields(outcome, ["state": "expired"])
        } else {
            try redis.setFields(outcome, ["state": "claimed", "epoch": arguments[2]])
        }
        redis.expire(outcome, in: number(3))
        return .array([ScriptCall.bulk(id), ScriptCall.bulk(isOver ? "" : command)])
    }

    func settleCommand(_ redis: inout RedisModel) throws(ReplyError) -> Reply {
        try fence(redis)
        try redis.setFields(keys[1], ["state": arguments[1], "text": arguments[2]])
        redis.expire(keys[1], in: number(3))
        return .integer(1)
    }

    /// `^%w+$`, 64 characters at most.
    private static func isID(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
            }
    }
}
