import Election
import Fixtures
import Linux
import Store
import Testing

@Suite struct FenceTests {
    @Test func onlyTheHoldersTokenWrites() throws {
        let server = try RedisServer()
        let until = Instant.now().advanced(milliseconds: 10_000)
        let connection = try StoreConnection.open(
            StoreSettings(url: try StoreURL(server.url())), until: until)
        let script = Script(name: "mark", body: Fence.prologue + "redis.call('SET', KEYS[2], 'x') return 1")
        func write(_ token: String) -> ReplyError.Kind? {
            do throws(StoreFault) {
                _ = try connection.run(script, keys: ["lease", "mark"], arguments: [token], until: until)
                return nil
            } catch {
                return error.kind
            }
        }
        #expect(write("a:n:1") == .fenced)
        try server.command("SET", "lease", "a:n:2")
        #expect(write("a:n:1") == .fenced)
        #expect(write("") == .fenced)
        #expect(try server.command("EXISTS", "mark") == ":0\r\n")
        #expect(write("a:n:2") == nil)
        #expect(try server.command("EXISTS", "mark") == ":1\r\n")
        try server.command("DEL", "lease")
        try server.command("RPUSH", "lease", "a:n:2")
        #expect(write("a:n:2") == .fenced)
    }
}
