import Fixtures
import Glibc
import Linux
import Store
import Synchronization

/// A real redis-server whose wall clock stands still wherever a test puts it (`Clock/shifted_clock.c`).
final class SteppedRedis {
    private static let patienceMilliseconds: Int64 = 60_000

    let server: RedisServer
    private let clock: Descriptor
    private let clockPath: String
    private var connection: StoreConnection
    private let scripts: [Script]
    private(set) var runID = ""

    /// Starts a server at a wall clock in milliseconds since 1970, which knows these scripts.
    init(clock milliseconds: Int64, scripts: [Script]) throws {
        var template = Array("/tmp/troop-clock-XXXXXX".utf8CString)
        clock = Descriptor(owning: mkstemp(&template))
        clockPath = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try SteppedRedis.write(milliseconds, to: clock)
        let library = try SteppedRedis.library()
        server = try RedisServer(
            configuration: ["enable-debug-command yes"],
            environment: ["LD_PRELOAD=\(library)", "SHIFTED_CLOCK=\(clockPath)"])
        self.scripts = scripts
        connection = try SteppedRedis.connect(server)
        try prepare()
    }

    deinit { unlink(clockPath) }

    /// The library is built beside these tests.
    private static func library() throws -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let own = String(decoding: buffer[..<max(0, length)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let folder = own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(
            separator: "/")
        let path = "\(folder)/libshifted-clock.so"
        guard access(path, R_OK) == 0 else { throw RedisServer.Fault(description: "\(path) is not built") }
        return path
    }

    private static func connect(_ server: RedisServer) throws -> StoreConnection {
        try StoreConnection.open(
            StoreSettings(url: try StoreURL("unix://\(server.socketPath)")),
            until: .now().advanced(milliseconds: patienceMilliseconds))
    }

    private static func write(_ milliseconds: Int64, to clock: borrowing Descriptor) throws {
        var page: [Int64] = [1, milliseconds * 1_000_000]
        guard pwrite(clock.raw, &page, 16, 0) == 16 else { throw RedisServer.Fault(description: "pwrite") }
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
        try SteppedRedis.write(milliseconds, to: clock)
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
