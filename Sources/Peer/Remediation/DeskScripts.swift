import Election
import Store

/// The scripts of the desk: what people ask of it, and what it tells. All are fenced.
enum DeskScripts {
    /// Sets fields of `config` (an empty value clears one) and settles the command that asked for it, in one step.
    /// KEYS: 1 lease 2 config 3 command:<id> 4 news; ARGV: 1 token 2 text of the outcome 3 life of the outcome in ms, then
    /// field and value in turn.
    static let configure = Script(
        name: "config-set",
        body: Fence.prologue + """
            for index = 4, #ARGV, 2 do
              if ARGV[index + 1] == '' then
                redis.call('HDEL', KEYS[2], ARGV[index])
              else
                redis.call('HSET', KEYS[2], ARGV[index], ARGV[index + 1])
              end
            end
            if ARGV[3] ~= '0' then
              redis.call('HSET', KEYS[3], 'state', 'done', 'text', ARGV[2])
              redis.call('PEXPIRE', KEYS[3], ARGV[3])
            end
            redis.call('PUBLISH', KEYS[4], 'operations')
            return 1
            """)

    /// A host that is gone for good leaves the troop with its orders, its hold and its quarantine, and the command is settled
    /// in the same step. KEYS: 1 lease 2 hosts 3 host:<name> 4 orders:<name> 5 config 6 ops 7 command:<id> 8 news; ARGV: 1
    /// token 2 name 3 seq of its last report 4 prefix of operations 5 text of the outcome 6 life of the outcome in ms.
    /// Answers 1, or why not.
    static let forget = Script(
        name: "host-forget",
        body: Fence.prologue + """
            local seq = redis.call('HGET', KEYS[3], 'seq')
            if seq and seq ~= ARGV[3] then return ARGV[2] .. ' has just reported: it is alive' end
            for _, id in ipairs(redis.call('ZRANGE', KEYS[6], 0, -1)) do
              -- What is no hash is no operation: the leader reports it.
              local target = redis.pcall('HGET', ARGV[4] .. id, 'target')
              if target == ARGV[2] then return 'operation ' .. id .. ' is under way on ' .. ARGV[2] end
            end
            -- First what a key of another type would end.
            redis.call('HDEL', KEYS[5], '\(RemediationSwitches.holdPrefix)' .. ARGV[2],
              '\(RemediationSwitches.quarantinePrefix)' .. ARGV[2])
            redis.call('ZREM', KEYS[2], ARGV[2])
            redis.call('DEL', KEYS[3], KEYS[4])
            redis.call('HSET', KEYS[7], 'state', 'done', 'text', ARGV[5])
            redis.call('PEXPIRE', KEYS[7], ARGV[6])
            redis.call('PUBLISH', KEYS[8], 'operations')
            return 1
            """)

    /// A person drains a server or takes it back, and the command is settled in the same step.
    /// KEYS: 1 lease 2 servers 3 command:<id> 4 news; ARGV: 1 token 2 server 3 state 4 reason 5 by 6 wall clock in ms 7
    /// text of the outcome 8 life of the outcome in ms. Answers 1, or 0 when there is no such entry.
    static let move = Script(
        name: "server-move",
        body: Fence.prologue + """
            local value = redis.call('HGET', KEYS[2], ARGV[2])
            if not value then return 0 end
            local found = {}
            if not value:match('^%s*$') then
              local ok, decoded = pcall(cjson.decode, value)
              if ok and type(decoded) == 'table' then found = decoded end
            end
            found.state, found.since, found.by = ARGV[3], tonumber(ARGV[6]), ARGV[5]
            found.reason = ARGV[4] ~= '' and ARGV[4] or nil
            redis.call('HSET', KEYS[2], ARGV[2], cjson.encode(found))
            redis.call('PUBLISH', KEYS[4], 'servers')
            redis.call('HSET', KEYS[3], 'state', 'done', 'text', ARGV[7])
            redis.call('PEXPIRE', KEYS[3], ARGV[8])
            return 1
            """)

    /// A server that an operation had drained returns when nothing is left of the operation.
    /// KEYS: 1 lease 2 servers 3 op:<id> 4 ops 5 news; ARGV: 1 token 2 id 3 server 4 wall clock in ms. Answers 1, or 0 when the
    /// operation or the entry is not as it was thought to be.
    static let adopt = Script(
        name: "server-adopt",
        body: Fence.prologue + """
            for _, id in ipairs(redis.call('ZRANGE', KEYS[4], 0, -1)) do
              if id == ARGV[2] then return 0 end
            end
            local value = redis.call('HGET', KEYS[2], ARGV[3])
            local ok, found = pcall(cjson.decode, value or '')
            if not ok or type(found) ~= 'table' then return 0 end
            if found.state ~= 'draining' or found.by ~= 'op:' .. ARGV[2] then return 0 end
            local kept = redis.pcall('HGET', KEYS[3], 'entry')
            if type(kept) ~= 'string' or kept == '' then
              found.state, found.reason, found.by, found.since = 'active', nil, 'agent', tonumber(ARGV[4])
              kept = cjson.encode(found)
            end
            redis.call('HSET', KEYS[2], ARGV[3], kept)
            redis.call('PUBLISH', KEYS[5], 'servers')
            return 1
            """)

    /// Publishes what the policies think. KEYS: 1 lease 2 monkeys; ARGV: 1 token 2 JSON 3 expiry in ms.
    static let publish = Script(
        name: "monkeys-publish",
        body: Fence.prologue + "\nredis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])\nreturn 1")
}
