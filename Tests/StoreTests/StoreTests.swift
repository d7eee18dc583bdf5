import Fixtures
import Glibc
import Linux
import Store
import Testing

@Suite struct StoreTests {
    private func store(
        _ settings: StoreSettings, name: String = "test", _ states: Record<StoreState> = Record()
    ) throws -> Store {
        try Store(settings, name: name) { states.add($0) }
    }

    /// The answer, or the fault in its place.
    private func ping(_ store: Store) async -> Result<Reply, StoreFault> {
        do throws(StoreFault) { return .success(try await store.call(Command("PING"))) } catch {
            return .failure(error)
        }
    }

    @Test func aCallConnectsByItself() async throws {
        let server = try RedisServer()
        let states = Record<StoreState>()
        let store = try store(try settings(server.url()), states)
        #expect(states.all.isEmpty)
        #expect(await ping(store) == .success(.status("PONG")))
        #expect(
            try await store.pipeline([Command("SET", "k", "1"), Command("INCR", "k")]) == [
                .status("OK"), .integer(2),
            ])
        let script = Script(name: "get", body: "return redis.call('GET', KEYS[1])")
        #expect(try await store.run(script, keys: ["k"], arguments: []).integer == 2)
        #expect(try await store.call(Command("CLIENT", "GETNAME")).text == "troop:test")
        #expect(states.all == [.connected])
        await store.close()
        #expect(await ping(store) == .failure(.unreachable("the store has been closed")))
    }

    @Test func aRestartedServerIsFoundAgain() async throws {
        let server = try RedisServer()
        let states = Record<StoreState>()
        let store = try store(try settings(server.url()), states)
        #expect(await ping(store) == .success(.status("PONG")))
        server.stop()
        var kinds: Set<String> = []
        for _ in 0..<200 {
            switch await ping(store) {
            case .success: Issue.record("an answer from nobody")
            case .failure(.unreachable): kinds.insert("unreachable")
            case .failure(.backingOff(let milliseconds, _)):
                #expect((1...2000).contains(milliseconds))
                kinds.insert("backingOff")
            case .failure(let fault): Issue.record("\(fault)")
            }
        }
        #expect(kinds == ["unreachable", "backingOff"])
        try server.start()
        #expect(await eventually { await ping(store) == .success(.status("PONG")) })
        let refused = "Redis is unreachable: 127.0.0.1:\(server.port): Connection refused"
        #expect(states.all == [.connected, .unreachable(refused), .connected])
    }

    @Test func anIdleConnectionThatTheServerEndedIsReplacedUnseen() async throws {
        let server = try RedisServer()
        let states = Record<StoreState>()
        let store = try store(try settings(server.url()), states)
        #expect(await ping(store) == .success(.status("PONG")))
        for _ in 0..<5 {
            try server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            #expect(
                await eventually { (try? server.command("CLIENT", "LIST"))?.contains("troop:test") == false })
            #expect(await ping(store) == .success(.status("PONG")))
        }
        #expect(states.all == [.connected])
    }

    @Test func aFrozenServerCostsOneTimeoutThenFailsAtOnce() async throws {
        let server = try RedisServer()
        let states = Record<StoreState>()
        let store = try store(try settings(server.url(), timeout: 100), states)
        #expect(await ping(store) == .success(.status("PONG")))
        server.pause()
        let start = Instant.now()
        guard case .failure(.timeout) = await ping(store) else {
            Issue.record("no timeout")
            return
        }
        #expect((100..<1500).contains(Instant.now().milliseconds(since: start)))
        server.resume()
        #expect(await eventually { await ping(store) == .success(.status("PONG")) })
        #expect(states.all.first == .connected && states.all.last == .connected && states.all.count >= 3)
    }

    @Test func aWrongPasswordIsNotTriedInAHotLoop() async throws {
        let denial = Array(
            "-WRONGPASS invalid username-password pair\r\n-NOAUTH Authentication required.\r\n".utf8)
        let server = try FakeServer([.take, .give(denial), .hold])
        let states = Record<StoreState>()
        let store = try store(try settings(server.url, password: "hunter2"), states)
        let start = Instant.now()
        var refusals = 0
        var backoffs = 0
        while backoffs < 10, Instant.now().milliseconds(since: start) < 20_000 {
            switch await ping(store) {
            case .failure(.rejected(let error)):
                #expect(error.kind == .configuration)
                refusals += 1
            case .failure(.backingOff(_, let reason)):
                #expect(reason.contains("WRONGPASS") && !reason.contains("hunter2"))
                backoffs += 1
            case .failure(let fault): Issue.record("\(fault)")
            case .success(let reply): Issue.record("\(reply) in spite of a wrong password")
            }
        }
        #expect(refusals > 0 && backoffs > 0)
        // At least a second lies between two attempts, however slow this machine is.
        #expect(Int64(server.connections) <= 1 + Instant.now().milliseconds(since: start) / 1000)
        #expect(states.all.count == 1)
    }

    @Test func aReplicaIsLeftAndLookedUpAnew() async throws {
        let server = try RedisServer()
        let states = Record<StoreState>()
        let store = try store(try settings(server.url()), states)
        #expect(await ping(store) == .success(.status("PONG")))
        try server.command("REPLICAOF", "127.0.0.1", "1")
        let fault = await #expect(throws: StoreFault.self) { try await store.call(Command("SET", "k", "v")) }
        #expect(fault?.kind == .rediscover)
        #expect(states.all.count == 2)
        try server.command("REPLICAOF", "NO", "ONE")
        #expect(await eventually { (try? await store.call(Command("SET", "k", "v"))) == .status("OK") })
        #expect(states.all.last == .connected)
    }

    @Test func theThreadEndsWithTheStore() async throws {
        let server = try RedisServer()
        var store: Store? = try Store(try settings(server.url()), name: "ends") { _ in }
        _ = try await store?.call(Command("PING"))
        #expect(threads(named: "troop-ends") == 1)
        await store?.close()
        store = nil
        #expect(await eventually { threads(named: "troop-ends") == 0 })
        #expect(await eventually { (try? server.command("CLIENT", "LIST"))?.contains("troop:ends") == false })
    }

    private func threads(named name: String) -> Int {
        guard let folder = opendir("/proc/self/task") else { return -1 }
        defer { closedir(folder) }
        var count = 0
        while let entry = readdir(folder) {
            let task = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if RedisServer.text(of: "/proc/self/task/\(task)/comm") == name + "\n" { count += 1 }
        }
        return count
    }
}
