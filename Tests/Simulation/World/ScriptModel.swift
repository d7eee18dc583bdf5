package import Store

/// What the scripts do, in Swift: the same keys and arguments as the Lua, the same replies. `broken` leaves out one guard,
/// as `Break.applied` does in the Lua.
package struct ScriptModel: Sendable {
    package var broken: Break?

    /// The scripts as they are, or without one guard.
    package init(broken: Break? = nil) { self.broken = broken }

    /// Runs a script on a server; an error is a reply, too. Scripts are told apart by their names.
    package func run(
        _ script: Script, keys: [String], arguments: [String], on redis: inout RedisModel
    ) -> Reply {
        var call = ScriptCall(keys: keys, arguments: arguments, broken: broken)
        do throws(ReplyError) {
            switch script.name {
            case "acquire": return try call.acquire(&redis)
            case "renew": return try call.renew(&redis)
            case "release": return call.release(&redis)
            case "look": return try call.look(redis)
            case "command-ask": return try call.askCommand(&redis)
            case "command-take": return try call.takeCommand(&redis)
            case "command-settle": return try call.settleCommand(&redis)
            case "servers-register": return try call.registerServer(&redis)
            case "servers-add": return try call.addServer(&redis)
            case "servers-remove": return try call.removeServer(&redis)
            case "servers-restore": return try call.restoreServers(&redis)
            case "operation-open": return try call.openOperation(&redis)
            case MarkScript.script.name: return try call.mark(&redis)
            default: return .error(ReplyError(code: "ERR", message: "no model of \(script.name)"))
            }
        } catch {
            return .error(error)
        }
    }
}

/// One run of a script.
struct ScriptCall {
    let keys: [String]
    let arguments: [String]
    let broken: Break?
    /// What else went wrong (the scripts' `note`).
    var note = ""

    init(keys: [String], arguments: [String], broken: Break?) {
        self.keys = keys
        self.arguments = arguments
        self.broken = broken
    }

    /// `Fence.prologue`.
    func fence(_ redis: RedisModel) throws(ReplyError) {
        if broken == .noFence { return }
        let held = try? redis.get(keys[0])
        if arguments[0].isEmpty || held != arguments[0] {
            throw ReplyError(code: "FENCED", message: "the lease is not held by this token")
        }
    }

    static func bulk(_ text: String) -> Reply { .bulk(Array(text.utf8)) }

    /// `tonumber` of an argument that is a whole number.
    func number(_ index: Int) -> Int64 { Int64(arguments[index]) ?? 0 }
}
