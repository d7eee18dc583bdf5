import Store

/// `OperationScripts.open` in Swift (what follows it reads JSON).
extension ScriptCall {
    private static let hour: Int64 = 3_600_000

    private func closed(_ why: String) -> Reply { .array([.integer(0), ScriptCall.bulk(why)]) }

    func openOperation(_ redis: inout RedisModel) throws(ReplyError) -> Reply {
        try fence(redis)
        let (id, target, kind, prefix) = (arguments[1], arguments[3], arguments[4], arguments[9])
        if try redis.field(keys[4], "pause") != nil, broken != .noPause {
            return closed("the troop is paused")
        }
        if arguments[10] == "1", try redis.field(keys[4], "monkeys") != nil {
            return closed("the monkeys are paused")
        }
        var same: Int64 = 0
        for (other, _) in try redis.members(keys[2]) {
            let fields = try redis.fields(prefix + other)
            if fields["target"] == target { return closed("operation \(other) is under way on \(target)") }
            if fields["class"] == kind { same += 1 }
        }
        if same >= number(5) { return closed("\(same) operations are under way") }
        let now = redis.clock
        try redis.removeMembers(keys[3]) { $1 < now - 24 * ScriptCall.hour }
        if number(6) >= 0 {
            let spent = try redis.members(keys[3]).filter {
                $0.name.hasPrefix("\(kind):") && $0.score > now - ScriptCall.hour
            }.count
            if spent >= number(6), broken != .noBudget {
                return closed("\(spent) in an hour; the budget is \(arguments[6])")
            }
        }
        if redis.exists(keys[1]) { return closed("there is an operation of this id") }
        try redis.setFields(
            keys[1],
            [
                "json": arguments[2], "target": target, "class": kind, "state": arguments[7],
                "step": arguments[8],
                "revision": "0",
            ])
        try redis.add(keys[2], id, score: now)
        try redis.add(keys[3], "\(kind):\(id)", score: now)
        redis.publish(keys[5], "operations")
        return .array([.integer(1)])
    }
}
