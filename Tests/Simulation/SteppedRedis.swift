import Fixtures
import Linux
import Store

/// A real redis-server whose wall clock stands still wherever a test puts it (`Clock/shifted_clock.c`).
final class SteppedRedis {
    private static let patienceMilliseconds: Int64 = 60_000

    let server: RedisServer
    private let clock: MovableClock
    private var connection: StoreConnection
    private let scripts: [Script]
    private(set) var runID = ""

    /// Starts a server at a wall clock in milliseconds since 1970, which knows these scripts.
    init(clock milliseconds: Int64, scripts: [Script]) throws {
        clock = try MovableClock()
        try clock.stop(at: milliseconds)
        server = try RedisServer(
            configuration: ["enable-debug-command yes"], environment: clock.environment)
        self.scripts = scripts
        connection = try SteppedRedis.connect(server)
        try prepare()
    }

    private static func connect(_ server: RedisServer) throws -> StoreConnection {
        try StoreConnection.open(
            StoreSettings(url: try StoreURL("unix://\(server.socketPath)")),
            until: .now().advanced(milliseconds: patienceMilliseconds))
    }

    private func prepare() throws {
        _ = try ask(
            [Command("DEBUG", "SET-ACTIVE-EXPIRE", "0")] + scripts.map { Command("SCRIPT", "LOAD", $0.body) })
        runID =
            try connection.runID(until: .now().advanced(milliseconds: SteppedRedis.patienceMilliseconds))
            ?? ""
    }

    /// Sends commands in one go, and waits for their replies.
    func ask(_ commands: [Command]) throws -> [Reply] {
        try connection.pipeline(
            commands, until: .now().advanced(milliseconds: SteppedRedis.patienceMilliseconds))
    }

    /// Puts the wall clock somewhere else; keys whose time is over are gone then.
    func setClock(_ milliseconds: Int64, keys: [String]) throws {
        try clock.stop(at: milliseconds)
        _ = try ask([Command(["EXISTS"] + keys)])
    }

    /// Ends the process and starts it again with what it had on disk.
    func restart() throws {
        _ = try ask([Command("SAVE")])
        server.stop()
        try server.start()
        connection = try SteppedRedis.connect(server)
        try prepare()
    }
}
