import Election
package import Store

/// A write of a leader, fenced as all of them are: it stands for those that have no model of their own.
package enum MarkScript {
    /// KEYS: 1 lease 2 mark; ARGV: 1 token 2 text. Answers 1.
    package static let script = Script(
        name: "mark", body: Fence.prologue + "redis.call('SET', KEYS[2], ARGV[2]) return 1")
}

extension ScriptCall {
    func mark(_ redis: inout RedisModel) throws(ReplyError) -> Reply {
        try fence(redis)
        redis.set(keys[1], arguments[1])
        return .integer(1)
    }
}
