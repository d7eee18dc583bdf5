import Election
package import Store

/// The scripts of the command queue: the stream `commands`, its cursor in `config`, one hash `command:<id>` an outcome.
///
/// A command is claimed by moving the cursor past it, in the same script that reads it and under the leader's fence: it
/// is taken at most once, however many leaders come and go, and after a store that went back in time its `not_after` has
/// passed.
package enum CommandScripts {
    /// Puts a command into the queue. KEYS: 1 commands 2 news; ARGV: 1 id 2 JSON 3 patience in ms.
    package static let ask = Script(
        name: "command-ask",
        body: """
            local time = redis.call('TIME')
            local until_ms = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[3])
            redis.call('XADD', KEYS[1], 'MAXLEN', '~', '1000', '*', 'id', ARGV[1], 'command', ARGV[2],
              'not_after', string.format('%d', until_ms))
            redis.call('PUBLISH', KEYS[2], 'commands')
            return 1
            """)

    /// Claims the next command. KEYS: 1 lease 2 commands 3 config; ARGV: 1 token 2 prefix of outcomes 3 epoch 4 life of
    /// an outcome in ms. Answers nothing, or `{id, JSON}`; the JSON is empty for a command whose time was over.
    package static let take = Script(
        name: "command-take",
        body: Fence.prologue + """
            local cursor = redis.call('HGET', KEYS[3], 'commands_cursor') or '0-0'
            if not cursor:match('^%d+%-%d+$') then cursor = '0-0' end
            local found = redis.call('XRANGE', KEYS[2], '(' .. cursor, '+', 'COUNT', '1')[1]
            if not found then return nil end
            redis.call('HSET', KEYS[3], 'commands_cursor', found[1])
            local field = {}
            for index = 1, #found[2] - 1, 2 do field[found[2][index]] = found[2][index + 1] end
            if not (field.id and field.id:match('^%w+$') and #field.id <= 64 and field.command) then return {'', ''} end
            local time = redis.call('TIME')
            local now = time[1] * 1000 + math.floor(time[2] / 1000)
            local outcome, command = ARGV[2] .. field.id, field.command
            if now > (tonumber(field.not_after or '') or 0) then
              redis.call('HSET', outcome, 'state', 'expired')
              command = ''
            else
              redis.call('HSET', outcome, 'state', 'claimed', 'epoch', ARGV[3])
            end
            redis.call('PEXPIRE', outcome, ARGV[4])
            return {field.id, command}
            """)

    /// Writes an outcome down. KEYS: 1 lease 2 command:<id>; ARGV: 1 token 2 state 3 text 4 life in ms.
    package static let settle = Script(
        name: "command-settle",
        body: Fence.prologue + """
            redis.call('HSET', KEYS[2], 'state', ARGV[2], 'text', ARGV[3])
            redis.call('PEXPIRE', KEYS[2], ARGV[4])
            return 1
            """)
}
