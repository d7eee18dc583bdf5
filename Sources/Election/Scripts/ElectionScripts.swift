package import Store

/// The Lua half of the protocol. Each script is one atomic step and takes the same six keys:
/// 1 lease, 2 epoch, 3 store, 4 quarantine, 5 history, 6 handover.
///
/// `store` holds the run id of the Redis that these keys were last seen in and, after a blank, the TTL of the lease
/// that was given last. A run id that is not this Redis's own means that the store was restarted, replaced or
/// emptied: then nobody is elected for the length of the quarantine, so that a leader that Redis has forgotten can
/// reach its deadline, or get its lease back by renewing it.
package enum ElectionScripts {
    /// The keys, in the scripts' order.
    package static func keys(_ keys: Keys) -> [String] {
        [keys.lease, keys.epoch, keys.store, keys.quarantine, keys.history, keys.handover]
    }

    /// Takes the lease. ARGV: 1 ttl ms, 2 quarantine ms, 3 host, 4 nonce, 5 highest epoch seen, 6 reason, 7 a token
    /// whose holder is proven not to lead ('' if none), 8 handover ms, 9 ms since the last lease ended ('' unknown).
    ///
    /// Answers `{1, token, ttl, reason, note}` or `{0, held | quarantine | reserved, detail, pttl}`.
    package static let acquire = Script(name: "acquire", body: prologue + memory + acquireBody)

    /// Keeps the lease; after a store loss the incumbent gets it back if nobody newer was elected. The caller checks
    /// its own deadline before it asks. ARGV: 1 ttl ms, 2 quarantine ms, 3 token.
    ///
    /// Answers `{1, renewed | reinstated}` or `{0, holder or ''}`.
    package static let renew = Script(name: "renew", body: prologue + memory + renewBody)

    /// Gives the lease up, to anyone or for a moment to one host, and writes down why. ARGV: 1 token, or with `any`
    /// what all tokens of one run begin with, 2 `exact` or `any`, 3 target host ('' for anyone), 4 handover ms,
    /// 5 reason.
    ///
    /// Answers 1, or 0 when the lease was not ours.
    package static let release = Script(name: "release", body: releaseBody)

    /// Looks who holds the lease, and changes nothing. Answers `{0, held, token, pttl}` or `{0, absent, '', 0}`.
    package static let look = Script(name: "look", body: prologue + lookBody)

    /// The arguments of `release` for exactly this lease, from outside an election.
    package static func releaseArguments(_ lease: Lease, reason: String) -> [String] {
        [lease.token, "exact", "", "1", reason]
    }

    /// The script of an ask, and its arguments.
    package static func message(for ask: LeaseAsk, of settings: ElectionSettings) -> (Script, [String]) {
        let ttl = "\(settings.ttlMilliseconds)"
        let quarantine = "\(settings.quarantineMilliseconds)"
        let handover = "\(settings.handoverMilliseconds)"
        switch ask {
        case .acquire(let seen, let reason, let dead, let leaderless):
            let ended = leaderless.map { "\($0)" } ?? ""
            let arguments = [settings.host, settings.nonce, "\(seen)", reason, dead ?? "", handover, ended]
            return (acquire, [ttl, quarantine] + arguments)
        case .renew(let lease, _): return (renew, [ttl, quarantine, lease.token])
        case .release(let order):
            let subject =
                switch order.subject {
                case .lease(let lease): [lease.token, "exact"]
                case .anyOfMine: [settings.tokenPrefix, "any"]
                }
            return (release, subject + [order.target ?? "", handover, order.reason])
        case .look: return (look, [])
        }
    }

    /// Names the key that has a wrong type, which Redis's own error does not.
    private static let prologue = """
        for _, index in ipairs({1, 2, 3, 6}) do
          local kind = redis.call('TYPE', KEYS[index]).ok
          if kind ~= 'string' and kind ~= 'none' then
            return redis.error_reply('WRONGTYPE ' .. KEYS[index] .. ' holds a ' .. kind .. ', expected a string')
          end
        end

        """

    /// Notices a store that lost its memory, and provides the functions that acquire and renew share. The history
    /// and the channel must not be able to stop an election: their errors are only told (`note`).
    private static let memory = """
        local ttl, longest = tonumber(ARGV[1]), 60000
        local run = redis.call('INFO', 'server'):match('run_id:(%x+)')
        local known, given = (redis.call('GET', KEYS[3]) or ''):match('^(%x+) ?(%d*)$')
        given = math.min(tonumber(given or '') or 0, longest)
        if known ~= run then
          redis.call('SET', KEYS[3], run .. ' ' .. string.format('%d', given))
          redis.call('SET', KEYS[4], '1', 'PX', ARGV[2])
        end
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local epoch_max = 2251799813685248
        local function whole(text)  -- a number that may be an epoch, else 0
          local number = tonumber((text or ''):match('^%d+$') or '') or 0
          return number <= epoch_max and number or 0
        end
        local note = ''
        local function record(...)
          local done = redis.pcall('XADD', KEYS[5], 'MAXLEN', '~', '1000', '*', 'at', string.format('%d', now), ...)
          if type(done) == 'table' and done.err then note = 'history not written: ' .. done.err end
        end
        local function tell(word, token)
          local done = redis.pcall('PUBLISH', KEYS[1], word .. ' ' .. token)
          if type(done) == 'table' and done.err then note = 'not published: ' .. done.err end
        end

        """

    /// A TTL is capped because a clock that was stepped back would stretch it; never below the TTL that the holder
    /// was given, which may be another than ours while a new configuration is rolled out.
    private static let acquireBody = """
        local function capped(key, most, needs_expiry)
          local left = redis.call('PTTL', key)
          if left > most or (needs_expiry and left == -1) then
            redis.call('PEXPIRE', key, string.format('%d', most))
            return most
          end
          return left
        end
        local function quarantined()
          -- Whoever asks brings the highest epoch it saw back: no older leader gets its lease back from here on.
          if whole(ARGV[5]) > whole(redis.call('GET', KEYS[2]) or '') then
            redis.call('SET', KEYS[2], string.format('%d', whole(ARGV[5])))
          end
          return {0, 'quarantine', '', capped(KEYS[4], tonumber(ARGV[2]), true)}
        end
        local held = redis.call('GET', KEYS[1])
        if held and (ARGV[7] == '' or held ~= ARGV[7]) then
          -- Given once, and its owner never heard of it: in a store that lost its memory others may have led since.
          local mine = ARGV[3] .. ':' .. ARGV[4] .. ':'
          if held:sub(1, #mine) == mine and redis.call('EXISTS', KEYS[4]) == 1 then
            return quarantined()
          end
          return {0, 'held', held, capped(KEYS[1], math.max(ttl, given), false)}
        end
        if redis.call('EXISTS', KEYS[4]) == 1 then return quarantined() end
        local reserved = redis.call('GET', KEYS[6])
        if reserved and reserved ~= ARGV[3] then
          return {0, 'reserved', reserved, capped(KEYS[6], tonumber(ARGV[8]), true)}
        end
        local last_epoch = redis.call('GET', KEYS[2]) or ''
        local next_epoch = math.max(whole(last_epoch), whole(ARGV[5]), now) + 1
        if next_epoch > epoch_max then
          return redis.error_reply('EPOCHS ' .. KEYS[2] .. ' cannot rise beyond ' .. string.format('%d', epoch_max)
            .. ': a person set it; with all agents stopped, remove it and every epoch.json')
        end
        local epoch = string.format('%d', next_epoch)
        local token = ARGV[3] .. ':' .. ARGV[4] .. ':' .. epoch
        local reason, leaderless = ARGV[6], ARGV[9]
        local last = redis.pcall('XREVRANGE', KEYS[5], '+', '-', 'COUNT', '1')
        if type(last) == 'table' and not last.err and last[1] then
          local field = {}
          for index = 1, #last[1][2] - 1, 2 do field[last[1][2][index]] = last[1][2][index + 1] end
          if field.event == 'released' and field.epoch == last_epoch and field.leader and field.reason then
            reason = field.leader .. ' ' .. field.reason
            leaderless = string.format('%d', math.max(0, now - whole(field.at)))
          end
        end
        redis.call('SET', KEYS[2], epoch)
        redis.call('SET', KEYS[3], run .. ' ' .. ARGV[1])
        redis.call('DEL', KEYS[6])
        redis.call('SET', KEYS[1], token, 'PX', ARGV[1])
        record('event', 'elected', 'epoch', epoch, 'leader', ARGV[3], 'reason', reason, 'leaderless', leaderless)
        tell('elected', token)
        return {1, token, ttl, reason, note}
        """

    private static let renewBody = """
        local held = redis.call('GET', KEYS[1])
        if held == ARGV[3] then
          redis.call('PEXPIRE', KEYS[1], ARGV[1])
          return {1, 'renewed'}
        end
        local host, epoch = ARGV[3]:match('^([^:]+):[^:]+:(%d+)$')
        local forgotten = not held and redis.call('EXISTS', KEYS[4]) == 1
        if forgotten and whole(epoch) >= whole(redis.call('GET', KEYS[2]) or '') then
          redis.call('SET', KEYS[2], epoch)
          redis.call('SET', KEYS[3], run .. ' ' .. ARGV[1])
          redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[1])
          record('event', 'reinstated', 'epoch', epoch, 'leader', host, 'reason', 'the store lost its memory')
          tell('reinstated', ARGV[3])
          return {1, 'reinstated'}
        end
        return {0, held or ''}
        """

    private static let releaseBody = """
        local held = redis.pcall('GET', KEYS[1])
        if type(held) ~= 'string' then return 0 end
        local mine = held == ARGV[1] or (ARGV[2] == 'any' and held:sub(1, #ARGV[1]) == ARGV[1])
        if not mine then return 0 end
        redis.call('DEL', KEYS[1])
        local how = 'resigned: '
        if ARGV[3] ~= '' then
          redis.pcall('SET', KEYS[6], ARGV[3], 'PX', ARGV[4])
          how = 'handed over to ' .. ARGV[3] .. ': '
        end
        local host, epoch = held:match('^([^:]+):[^:]+:(%d+)$')
        local time = redis.call('TIME')
        redis.pcall('XADD', KEYS[5], 'MAXLEN', '~', '1000', '*',
          'at', string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000)), 'event', 'released',
          'epoch', epoch or '', 'leader', host or '', 'reason', how .. ARGV[5])
        redis.pcall('PUBLISH', KEYS[1], 'released ' .. held .. ' ' .. ARGV[3])
        return 1
        """

    private static let lookBody = """
        local held = redis.call('GET', KEYS[1])
        if not held then return {0, 'absent', '', 0} end
        return {0, 'held', held, redis.call('PTTL', KEYS[1])}
        """
}
