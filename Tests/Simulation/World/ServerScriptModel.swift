import Store

/// `ServerScripts` in Swift (without `withdraw`, which reads JSON).
extension ScriptCall {
    func registerServer(_ redis: inout RedisModel) throws(ReplyError) -> Reply {
        let isNew = try redis.field(keys[0], arguments[0]) == nil
        if isNew {
            try redis.setFields(keys[0], [arguments[0]: arguments[1]])
            redis.publish(keys[2], "servers")
        }
        return .array([.integer(isNew ? 1 : 0), ScriptCall.bulk(try redis.get(keys[1]) ?? "")])
    }

    func addServer(_ redis: inout RedisModel) throws(ReplyError) -> Reply {
        let added = try redis.setFields(keys[0], [arguments[0]: arguments[1]])
        redis.publish(keys[1], "servers")
        return .integer(added)
    }

    func removeServer(_ redis: inout RedisModel) throws(ReplyError) -> Reply {
        let removed = try redis.removeFields(keys[0], arguments)
        if removed > 0 { redis.publish(keys[1], "servers") }
        return .integer(removed)
    }

    func restoreServers(_ redis: inout RedisModel) throws(ReplyError) -> Reply {
        try fence(redis)
        if arguments[1] != "*", try redis.get(keys[2]) ?? "" != arguments[1] {
            return .array([.integer(0), .integer(0)])
        }
        var changed: Int64 = 0
        for index in stride(from: 3, to: arguments.count - 2, by: 3) {
            let (step, field, value) = (arguments[index], arguments[index + 1], arguments[index + 2])
            let stored = try redis.field(keys[1], field)
            switch step {
            case "add":
                guard stored == nil else { continue }
                try redis.setFields(keys[1], [field: value])
                changed += 1
            case "replace":
                try redis.setFields(keys[1], [field: value])
                changed += 1
            default:
                if stored == value { changed += try redis.removeFields(keys[1], [field]) }
            }
        }
        redis.set(keys[2], arguments[2])
        redis.publish(keys[3], "servers")
        return .array([.integer(1), .integer(changed)])
    }
}
