package import Store

/// The script that changes flags: what is asked happens whole, with its history, or not at all.
package enum FlagScripts {
    /// What is told on `news` when flags change.
    package static let hint = "flags"

    /// Changes fields, each from what is expected to be there.
    ///
    /// KEYS: 1 flags 2 flags:history 3 news; ARGV: 1 by 2 reason 3 entries to keep 4 the most fields, then field, expected,
    /// new value and what is asked in turn. Expected is `*` (anything), `-` (absent) or `=` and the value; new is `*` (stays),
    /// `-` (goes) or `=` and the value. What is expected must be there before the first step; one field may have several.
    /// Answers `{'done', changes}`, `{'conflict', field}` or `{'full', fields}`.
    package static let change = Script(
        name: "flags-change",
        body: """
            for i = 5, #ARGV, 4 do
              local expected = ARGV[i + 1]
              if expected ~= '*' then
                local value = redis.call('HGET', KEYS[1], ARGV[i])
                if (value and '=' .. value or '-') ~= expected then return {'conflict', ARGV[i]} end
              end
            end
            local count, there = redis.call('HLEN', KEYS[1]), {}
            for i = 5, #ARGV, 4 do
              local field, new = ARGV[i], ARGV[i + 2]
              if new ~= '*' then
                local is = there[field] or redis.call('HEXISTS', KEYS[1], field)
                there[field] = new == '-' and 0 or 1
                count = count + there[field] - is
              end
            end
            if count > tonumber(ARGV[4]) then return {'full', tostring(count)} end
            local changed = 0
            for i = 5, #ARGV, 4 do
              local field, new = ARGV[i], ARGV[i + 2]
              if new ~= '*' then
                local old = redis.call('HGET', KEYS[1], field) or ''
                local value = new == '-' and '' or string.sub(new, 2)
                if old ~= value then
                  if value == '' then
                    redis.call('HDEL', KEYS[1], field)
                  else
                    redis.call('HSET', KEYS[1], field, value)
                  end
                  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'flag', field, 'by', ARGV[1],
                    'reason', ARGV[2], 'what', ARGV[i + 3], 'old', old, 'new', value)
                  changed = changed + 1
                end
              end
            end
            if changed > 0 then redis.call('PUBLISH', KEYS[3], 'flags') end
            return {'done', tostring(changed)}
            """)
}

/// One step of a change of flags.
package struct FlagStep: Sendable, Equatable {
    /// What must be there for the change to happen.
    package enum Expected: Sendable, Equatable {
        case anything
        case absent
        case text(String)
    }

    /// What is there afterwards.
    package enum Outcome: Sendable, Equatable {
        case unchanged
        case absent
        case text(String)
    }

    package var field: String
    package var expected: Expected
    package var outcome: Outcome
    /// What was asked, in few words for the history; empty where old and new value tell it all.
    package var what: String

    /// A step from its parts.
    package init(_ field: String, expected: Expected = .anything, outcome: Outcome, what: String = "") {
        self.field = field
        self.expected = expected
        self.outcome = outcome
        self.what = what
    }

    /// The script's words for it.
    var words: [String] {
        let before =
            switch expected {
            case .anything: "*"
            case .absent: "-"
            case .text(let text): "=" + text
            }
        let after =
            switch outcome {
            case .unchanged: "*"
            case .absent: "-"
            case .text(let text): "=" + text
            }
        return [field, before, after, what]
    }
}
