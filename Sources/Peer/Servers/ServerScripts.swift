package import Store

/// The scripts that change the server list. Each publishes a hint on `news`, so that proxies look at once.
package enum ServerScripts {
    /// A longer list's agents do not hint at what each does with its own entry: the leader looks twice a second anyway, and
    /// thousands of hints to thousands of agents would hold Redis up for minutes.
    private static let hintedEntries = 500

    /// Creates an agent's own entry unless there is one; answers `{created, marker or ''}`.
    /// KEYS: 1 servers 2 servers:gen 3 news; ARGV: 1 address:port 2 value
    package static let register = Script(
        name: "servers-register",
        body: """
            local created = redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
            if created == 1 and redis.call('HLEN', KEYS[1]) <= \(hintedEntries) then
              redis.call('PUBLISH', KEYS[3], 'servers')
            end
            return {created, redis.call('GET', KEYS[2]) or ''}
            """)

    /// Takes an agent's own entry out, but only one that an agent of this host wrote and nobody changed the
    /// state of: a person's word stands. KEYS: 1 servers 2 news; ARGV: 1 address:port 2 host 3 what is published
    package static let withdraw = Script(
        name: "servers-withdraw",
        body: """
            local value = redis.call('HGET', KEYS[1], ARGV[1])
            if not value then return 0 end
            local ok, entry = pcall(cjson.decode, value)
            if not ok or type(entry) ~= 'table' then return 0 end
            if entry.by ~= 'agent' or entry.host ~= ARGV[2] then return 0 end
            if entry.state ~= nil and entry.state ~= 'active' then return 0 end
            redis.call('HDEL', KEYS[1], ARGV[1])
            if redis.call('HLEN', KEYS[1]) <= \(hintedEntries) then redis.call('PUBLISH', KEYS[2], ARGV[3]) end
            return 1
            """)

    /// Sets an entry as a person asked, whatever was there; answers 1 when it is new.
    /// KEYS: 1 servers 2 news; ARGV: 1 address:port 2 value
    package static let add = Script(
        name: "servers-add",
        body: """
            local added = redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
            redis.call('PUBLISH', KEYS[2], 'servers')
            return added
            """)

    /// Removes an entry as a person asked; answers 0 when there was none.
    /// KEYS: 1 servers 2 news; ARGV: the spellings of the one address:port
    package static let remove = Script(
        name: "servers-remove",
        body: """
            local removed = redis.call('HDEL', KEYS[1], unpack(ARGV))
            if removed > 0 then redis.call('PUBLISH', KEYS[2], 'servers') end
            return removed
            """)

    /// The leader makes a store that lost the list, or went back to an older one, hold its last list again, and sets
    /// the marker. Fenced: KEYS[1] is the lease, ARGV[1] the leader's token.
    /// KEYS: 2 servers 3 servers:gen 4 news; ARGV: 2 the marker that was read ('' for none, `*` for any) 3 the new marker, then
    /// `add`, `replace` or `remove`, field and value in turn. Answers `{done, entries changed}`; another marker than
    /// the one read means that somebody was faster, and changes nothing.
    package static func restore(fence: String) -> Script {
        Script(
            name: "servers-restore",
            body: fence + "\n" + """
                if ARGV[2] ~= '*' and (redis.call('GET', KEYS[3]) or '') ~= ARGV[2] then return {0, 0} end
                local changed = 0
                for i = 4, #ARGV, 3 do
                  local step, field, value = ARGV[i], ARGV[i + 1], ARGV[i + 2]
                  if step == 'add' then
                    changed = changed + redis.call('HSETNX', KEYS[2], field, value)
                  elseif step == 'replace' then
                    redis.call('HSET', KEYS[2], field, value)
                    changed = changed + 1
                  elseif redis.call('HGET', KEYS[2], field) == value then
                    changed = changed + redis.call('HDEL', KEYS[2], field)
                  end
                end
                redis.call('SET', KEYS[3], ARGV[3])
                redis.call('PUBLISH', KEYS[4], 'servers')
                return {1, changed}
                """)
    }
}
