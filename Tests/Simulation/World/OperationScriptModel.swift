import Store

/// `OperationScripts.open` in Swift for what no command asked for (what follows it reads JSON).
extension ScriptCall {
    private static let hour: Int64 = 3_600_000

    private func closed(_ why: String) -> Reply { .array([.integer(0), ScriptCall.bulk(why)]) }

    func openOperation(_ redis: inout RedisModel) throws(ReplyError) -> Reply {
        try fence(redis)
        let (kind, prefix) = (arguments[1], arguments[4])
        let wanted = stride(from: 8, to: arguments.count, by: 5).map { arguments[$0...] }
        if try redis.field(keys[3], "pause") != nil, broken != .noPause {
            return closed("the troop is paused")
        }
        if arguments[5] == "1", try redis.field(keys[3], "monkeys") != nil {
            return closed("the monkeys are paused")
        }
        let targets = wanted.map { $0[$0.startIndex + 2] }
        var same: Int64 = 0
        for (other, _) in try redis.members(keys[1]) {
            guard let fields = try? redis.fields(prefix + other) else { continue }
            if let target = fields["target"], targets.contains(target) {
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
            if spent + wanted.count > number(3), broken != .noBudget {
                return closed("\(spent) in an hour; the budget is \(arguments[3])")
            }
        }
        for key in keys[6...] where redis.exists(key) { return closed("there is an operation of this id") }
        for (key, words) in zip(keys[6...], wanted) {
            let at = words.startIndex
            try redis.setFields(
                key,
                [
                    "json": words[at + 1], "target": words[at + 2], "class": kind, "state": words[at + 3],
                    "step": words[at + 4], "revision": "0",
                ])
            try redis.add(keys[1], words[at], score: now)
            try redis.add(keys[2], "\(kind):\(words[at])", score: now)
        }
        redis.publish(keys[4], "operations")
        return .array([.integer(1)])
    }
}
