/// The guard in front of every write that only a leader may make.
package enum Fence {
    /// The beginning of such a script: `KEYS[1]` is the lease and `ARGV[1]` the leader's token; anything but that token
    /// in the lease ends the script with the error `FENCED`, before it has written anything.
    package static let prologue = """
        if type(ARGV[1]) ~= 'string' or ARGV[1] == '' or redis.pcall('GET', KEYS[1]) ~= ARGV[1] then
          return redis.error_reply('FENCED the lease is not held by this token')
        end

        """
}
