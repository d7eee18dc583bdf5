import Store

/// One redis-server of the simulated troop, with what may ail it.
struct StoreNode {
    /// What it is in a Sentinel's eyes, and its own.
    enum Role { case master, replica }

    var redis: RedisModel
    var role: Role
    var isUp = true
    /// Stopped, or busy with something long: commands wait.
    var pausedUntil: Int64 = 0
    /// Answers every write with this error.
    var ailment: (code: String, until: Int64)?
    /// Each command takes longer.
    var slowUntil: Int64 = 0
    /// Since when no replica has acknowledged anything; nil while one does.
    var aloneSince: Int64?
    /// What is on its disk.
    var disk: RedisModel
    /// As of when.
    var diskAt: Int64 = 0
    var clockOffset: Int64
    let drift: Int64

    init(redis: RedisModel, role: Role, clockOffset: Int64, drift: Int64) {
        self.redis = redis
        self.role = role
        self.clockOffset = clockOffset
        self.drift = drift
        disk = redis
    }

    /// Sets the server's wall clock for a true time.
    mutating func tick(_ time: Int64) {
        redis.setClock((clockOffset + time + time * drift / 1_000_000) / 1_000_000)
    }
}
