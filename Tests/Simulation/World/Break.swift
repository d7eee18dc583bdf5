import Election
package import Store

/// A guard of the protocol that a test takes away, to show that it is needed and that the checks would notice.
package enum Break: String, Sendable, CaseIterable {
    // In the scripts.
    case noQuarantine = "no-quarantine"
    case noFloor = "no-floor"
    case noFence = "no-fence"
    case stealWithoutQuarantine = "steal-without-quarantine"
    case uncappedTTL = "uncapped-ttl"
    case noPause = "no-pause"
    case noBudget = "no-budget"
    // Around the cores.
    /// A lease counts from when its answer came, not from when it was asked for.
    case countsFromReceipt = "counts-from-receipt"
    /// A leader that acts does not look at its deadline.
    case ignoresDeadline = "ignores-deadline"
    /// Any end of the connection to the leader's door counts as proof of its death.
    case anyEndIsProof = "any-end-is-proof"
    /// An agent does not tell the script which epochs it has seen.
    case forgetsEpochs = "forgets-epochs"
    /// A host obeys orders of any epoch.
    case noHostFence = "no-host-fence"
    /// A launch is repeated under a new id.
    case freshLaunchIDs = "fresh-launch-ids"
    /// An agent does not notice that the store went back to an older list.
    case trustsOldLists = "trusts-old-lists"

    /// True for what is taken out of the Lua.
    package var isInScripts: Bool { !edits.isEmpty }

    /// The text to be replaced in the scripts, and by what.
    private var edits: [(String, String)] {
        switch self {
        case .noQuarantine: [("redis.call('SET', KEYS[4], '1', 'PX', ARGV[2])", "")]
        case .noFloor:
            [
                (
                    "math.max(whole(last_epoch), whole(ARGV[5]), now) + 1",
                    "whole(last_epoch) + 1"
                ),
                ("if whole(ARGV[5]) > whole(redis.call('GET', KEYS[2]) or '') then", "if false then"),
            ]
        case .noFence: [(Fence.prologue, "")]
        case .stealWithoutQuarantine:
            [
                (
                    "if redis.call('EXISTS', KEYS[4]) == 1 then",
                    "if redis.call('EXISTS', KEYS[4]) == 1 and ARGV[7] == '' then"
                )
            ]
        case .noPause: [("if redis.call('HGET', KEYS[4], 'pause') then", "if false then")]
        case .noBudget: [("if spent + count > tonumber(ARGV[4]) then", "if false then")]
        case .uncappedTTL: [("if left > most or (needs_expiry and left == -1) then", "if false then")]
        case .countsFromReceipt, .ignoresDeadline, .anyEndIsProof, .forgetsEpochs, .noHostFence,
            .freshLaunchIDs, .trustsOldLists:
            []
        }
    }

    /// The script without the guard; the script itself where the guard is not in it.
    package func applied(to script: Script) -> Script {
        var body = script.body
        for (old, new) in edits {
            guard let range = body.firstRange(of: old) else { continue }
            body.replaceSubrange(range, with: new)
        }
        return body == script.body ? script : Script(name: script.name, body: body)
    }
}
