import Store

/// `OperationScripts.open` in Swift (what follows it reads JSON).
extension ScriptCall {
    private static let hour: Int64 = 3_600_000
    /// Where the operations begin among the keys and the arguments, and how many arguments each has.
    private static let firstKey = 6
    private static let firstArgument = 8
    private static let argumentsEach = 5

    private func closed(_ why: String) -> Reply { .array([.integer(0), ScriptCall.bulk(why)]) }

    func openOperation(_ redis: inout RedisModel) throws(ReplyError) -> Reply {
        try fence(redis)
        let (kind, prefix) = (arguments[1], arguments[4])
        if try redis.field(keys[3], "pause") != nil, broken != .noPause {
            return closed("the troop is paused")
        }
        if arguments[5] == "1", try redis.field(keys[3], "monkeys") != nil {
            return closed("the monkeys are paused")
        }
        let places = Array(
            stride(from: ScriptCall.firstArgument, to: arguments.count, by: ScriptCall.argumentsEach))
        let wanted = Set(places.map { arguments[$0 + 2] })
        var same: Int64 = 0
        for (other, _) in try redis.members(keys[1]) {
            guard let fields = try? redis.fields(prefix + other) else { continue }
            if let target = fields["target"], wanted.contains(target) {
                return closed("operation \(other) is under way on \(target)")
            }
            if fields["class"] == kind { same += 1 }
        }
        if same >= number(2) { return closed("\(same) operations are under way") }
        let now = redis.clock
        try redis.removeMembers(keys[2]) { $1 < now - 24 * ScriptCall.hour }
        if number(3) >= 0 {
            let spent = try redis.members(keys[2]).filter {
                $0.name.hasPrefix("\(kind):") && $0.score > now - ScriptCall.hour
            }.count
            if spent + places.count > number(3), broken != .noBudget {
                return closed("\(spent) in an hour; the budget is \(arguments[3])")
            }
        }
        for key in keys[ScriptCall.firstKey...] where redis.exists(key) {
            return closed("there is an operation of this id")
        }
        for (key, at) in zip(keys[ScriptCall.firstKey...], places) {
            try redis.setFields(
                key,
                [
                    "json": arguments[at + 1], "target": arguments[at + 2], "class": kind,
                    "state": arguments[at + 3], "step": arguments[at + 4], "revision": "0",
                ])
            try redis.add(keys[1], arguments[at], score: now)
            try redis.add(keys[2], "\(kind):\(arguments[at])", score: now)
        }
        if !arguments[6].isEmpty {
            try redis.setFields(keys[5], ["state": "done", "text": arguments[6]])
            redis.expire(keys[5], in: number(7))
        }
        redis.publish(keys[4], "operations")
        return .array([.integer(1)])
    }
}
