import Election
package import Store

/// The scripts of operations. What an operation changes in Redis is changed in the same script that writes it down.
package enum OperationScripts {
    /// Opens operations, all or none: not while one is under way on a target, too many are, or the budget is spent. A
    /// command that asked for them is settled in the same step.
    /// KEYS: 1 lease 2 ops 3 ops:opened 4 config 5 news 6 command:<id>, then op:<id> for each. ARGV: 1 token 2 class 3 how
    /// many of the class there may be before 4 budget in an hour, -1 for none 5 prefix of operations 6 1 for a policy's
    /// 7 text of the outcome, empty for no command 8 life of the outcome in ms, then id, JSON, target, state and step of each.
    /// Answers `{1}`, or `{0, why}`.
    package static let open = Script(
        name: "operation-open",
        body: Fence.prologue + """
            local time = redis.call('TIME')
            local now = time[1] * 1000 + math.floor(time[2] / 1000)
            if redis.call('HGET', KEYS[4], 'pause') then return {0, 'the troop is paused'} end
            if ARGV[6] == '1' and redis.call('HGET', KEYS[4], 'monkeys') then
              return {0, 'the monkeys are paused'}
            end
            local wanted, count, same = {}, 0, 0
            for index = 9, #ARGV, 5 do
              wanted[ARGV[index + 2]] = true
              count = count + 1
            end
            for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
              -- What is no hash is no operation: the leader reports it.
              local found = redis.pcall('HMGET', ARGV[5] .. id, 'target', 'class')
              if not found.err then
                if found[1] and wanted[found[1]] then
                  return {0, 'operation ' .. id .. ' is under way on ' .. found[1]}
                end
                if found[2] == ARGV[2] then same = same + 1 end
              end
            end
            if same >= tonumber(ARGV[3]) then return {0, same .. ' operations are under way'} end
            redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', string.format('(%.0f', now - 86400000))
            if tonumber(ARGV[4]) >= 0 then
              local spent = 0
              local opened = redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES')
              for index = 1, #opened, 2 do
                if opened[index]:sub(1, #ARGV[2] + 1) == ARGV[2] .. ':' and tonumber(opened[index + 1]) > now - 3600000 then
                  spent = spent + 1
                end
              end
              if spent + count > tonumber(ARGV[4]) then
                return {0, spent .. ' in an hour; the budget is ' .. ARGV[4]}
              end
            end
            for index = 7, #KEYS do
              if redis.call('EXISTS', KEYS[index]) == 1 then return {0, 'there is an operation of this id'} end
            end
            local stamp = string.format('%.0f', now)
            for index = 1, count do
              local at = 4 + index * 5
              redis.call('HSET', KEYS[6 + index], 'json', ARGV[at + 1], 'target', ARGV[at + 2], 'class', ARGV[2],
                'state', ARGV[at + 3], 'step', ARGV[at + 4], 'revision', '0')
              redis.call('ZADD', KEYS[2], stamp, ARGV[at])
              redis.call('ZADD', KEYS[3], stamp, ARGV[2] .. ':' .. ARGV[at])
            end
            if ARGV[7] ~= '' then
              redis.call('HSET', KEYS[6], 'state', 'done', 'text', ARGV[7])
              redis.call('PEXPIRE', KEYS[6], ARGV[8])
            end
            redis.call('PUBLISH', KEYS[5], 'operations')
            return {1}
            """)

    /// Takes what cannot be read as an operation from those under way, so that it blocks nothing any more.
    /// KEYS: 1 lease 2 op:<id> 3 ops 4 config 5 news 6 command:<id>. ARGV: 1 token 2 id 3 the JSON that was read 4 the field
    /// of config that puts the target into quarantine, or empty 5 why 6 text of the outcome, empty for no command 7 life of
    /// the outcome in ms 8 life of the operation in ms. Answers 1, or 0 when another JSON stands there now.
    static let setAside = Script(
        name: "operation-set-aside",
        body: Fence.prologue + """
            if redis.call('TYPE', KEYS[2]).ok == 'hash' then
              if (redis.call('HGET', KEYS[2], 'json') or '') ~= ARGV[3] then return 0 end
              redis.call('HSET', KEYS[2], 'state', 'failed')
              redis.call('PEXPIRE', KEYS[2], ARGV[8])
            end
            redis.call('ZREM', KEYS[3], ARGV[2])
            if ARGV[4] ~= '' then redis.call('HSET', KEYS[4], ARGV[4], ARGV[5]) end
            if ARGV[6] ~= '' then
              redis.call('HSET', KEYS[6], 'state', 'done', 'text', ARGV[6])
              redis.call('PEXPIRE', KEYS[6], ARGV[7])
            end
            redis.call('PUBLISH', KEYS[5], 'operations')
            return 1
            """)

    /// Writes an operation down together with its effect.
    /// KEYS: 1 lease 2 op:<id> 3 ops 4 ops:history 5 servers 6 news 7 orders:<target> 8 config 9 command:<id>. ARGV: 1 token 2 id 3 the
    /// revision that was read 4 JSON 5 state 6 step 7 1 when it has ended 8 effect 9 server 10 reason 11 order's id 12
    /// order's kind 13 epoch 14 how long the order may be taken, in ms 15 why the target goes to quarantine, or empty 16
    /// wall clock in ms 17 prefix of operations 18 life of an ended operation in ms 19 text of the outcome of the command
    /// that this settles, or empty 20 life of the outcome in ms 21 the host's boot id, as far as it is known.
    /// Answers `{'ok'}`, `{'refused', why}`, or `{'stale', JSON}` when somebody else has written it since.
    static let save = Script(
        name: "operation-save",
        body: Fence.prologue + """
            local id, server, by = ARGV[2], ARGV[9], 'op:' .. ARGV[2]
            local stored = redis.call('HMGET', KEYS[2], 'revision', 'json')
            if stored[1] ~= ARGV[3] then return {'stale', stored[2] or ''} end
            local function entry()
              local value = redis.call('HGET', KEYS[5], server)
              if not value then return nil, 'it is off the list' end
              if value:match('^%s*$') then return {} end
              local ok, found = pcall(cjson.decode, value)
              if not ok or type(found) ~= 'table' then return nil, 'its entry makes no sense' end
              return found
            end
            local function set(found, state, reason, who)
              found.state, found.reason, found.by, found.since = state, reason, who, tonumber(ARGV[16])
              redis.call('HSET', KEYS[5], server, cjson.encode(found))
              redis.call('PUBLISH', KEYS[6], 'servers')
            end
            local effect = ARGV[8]
            if effect == 'drain' then
              local found, why = entry()
              if not found then return {'refused', why} end
              local state, writer = found.state or 'active', tostring(found.by or '')
              local kept = redis.call('HGET', KEYS[5], server)
              if writer:sub(1, 3) == 'op:' then
                -- An earlier operation left it off the list: what stood there before is in its hash.
                kept = redis.call('HGET', ARGV[17] .. writer:sub(4), 'entry') or ''
                if kept == '' then
                  -- It is gone; what the entry says of itself is kept, as its agent would have written it.
                  local own = cjson.decode(redis.call('HGET', KEYS[5], server))
                  own.state, own.reason, own.by = 'active', nil, 'agent'
                  kept = cjson.encode(own)
                end
              elseif state ~= 'active' then
                return {'refused', server .. ' is ' .. tostring(state) .. ' already'}
              end
              redis.call('HSET', KEYS[2], 'entry', kept)
              set(found, 'draining', ARGV[10], by)
            elseif effect == 'restore' or effect == 'out' then
              local found, why = entry()
              if not found then return {'refused', why} end
              if found.by ~= by then return {'refused', 'somebody else has changed ' .. server} end
              if effect == 'out' then
                set(found, 'out', ARGV[10], by)
              else
                redis.call('HSET', KEYS[5], server, redis.call('HGET', KEYS[2], 'entry') or '')
                redis.call('PUBLISH', KEYS[6], 'servers')
              end
            elseif effect == 'remove' then
              if redis.call('HDEL', KEYS[5], server) == 1 then redis.call('PUBLISH', KEYS[6], 'servers') end
            elseif effect == 'order' then
              if redis.call('HSETNX', KEYS[2], 'order:' .. ARGV[11], 'waiting') == 1 then
                local time = redis.call('TIME')
                local until_ms = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[14])
                redis.call('XADD', KEYS[7], 'MAXLEN', '~', '100', '*', 'id', ARGV[11], 'operation', id, 'kind', ARGV[12],
                  'epoch', ARGV[13], 'not_after', string.format('%.0f', until_ms), 'boot', ARGV[21])
                redis.call('PUBLISH', KEYS[6], 'orders')
              end
            elseif effect == 'withdraw' then
              if redis.call('HGET', KEYS[2], 'order:' .. ARGV[11]) == 'waiting' then
                redis.call('HSET', KEYS[2], 'order:' .. ARGV[11], 'withdrawn')
              end
            end
            redis.call('HSET', KEYS[2], 'json', ARGV[4], 'state', ARGV[5], 'step', ARGV[6], 'revision',
              string.format('%.0f', tonumber(ARGV[3]) + 1))
            if ARGV[7] == '1' then
              redis.call('ZREM', KEYS[3], id)
              redis.call('XADD', KEYS[4], 'MAXLEN', '~', '1000', '*', 'operation', ARGV[4])
              redis.call('PEXPIRE', KEYS[2], ARGV[18])
              redis.call('PUBLISH', KEYS[6], 'operations')
              if ARGV[15] ~= '' then redis.call('HSET', KEYS[8], ARGV[15], ARGV[10]) end
            end
            if ARGV[19] ~= '' then
              redis.call('HSET', KEYS[9], 'state', 'done', 'text', ARGV[19])
              redis.call('PEXPIRE', KEYS[9], ARGV[20])
            end
            return {'ok'}
            """)

    /// An agent takes an order; once, in time, while the operation wants it and no person has paused the troop. KEYS: 1
    /// op:<id> 2 config; ARGV: 1 order's id 2 not_after in ms. Answers 1 when it is this agent's to carry out.
    static let claim = Script(
        name: "order-claim",
        body: """
            local time = redis.call('TIME')
            local now = time[1] * 1000 + math.floor(time[2] / 1000)
            if redis.call('HGET', KEYS[1], 'order:' .. ARGV[1]) ~= 'waiting' then return 0 end
            if now > tonumber(ARGV[2]) or redis.call('HGET', KEYS[1], 'state') ~= 'running' then return 0 end
            if redis.call('HGET', KEYS[2], 'pause') then return 0 end
            redis.call('HSET', KEYS[1], 'order:' .. ARGV[1], 'claimed')
            return 1
            """)

    /// An agent tells what became of an order it had taken. KEYS: 1 op:<id> 2 news; ARGV: 1 order's id 2 `done` or
    /// `failed: …`.
    static let settle = Script(
        name: "order-settle",
        body: """
            if redis.call('HGET', KEYS[1], 'order:' .. ARGV[1]) ~= 'claimed' then return 0 end
            redis.call('HSET', KEYS[1], 'order:' .. ARGV[1], ARGV[2])
            redis.call('PUBLISH', KEYS[2], 'operations')
            return 1
            """)

    /// Appends to an operation's log. KEYS: 1 lease 2 op:<id>:log; ARGV: 1 token 2 life in ms, then the lines.
    static let log = Script(
        name: "operation-log",
        body: Fence.prologue + """
            for index = 3, #ARGV do redis.call('XADD', KEYS[2], 'MAXLEN', '~', '2000', '*', 'line', ARGV[index]) end
            redis.call('PEXPIRE', KEYS[2], ARGV[2])
            return 1
            """)
}
