import Linux
import Synchronization
import Testing

@testable import Proxy

/// Balancing as clients and servers see it.
@Suite(.timeLimit(.minutes(2))) struct BalancingTests {
    private let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

    /// Addresses of this host where nobody listens.
    private func dead(_ count: Int) throws -> [SocketAddress] {
        try (1...count).map { try SocketAddress(host: "127.9.\($0 / 250).\($0 % 250 + 1)", port: 1) }
    }

    // MARK: Stickiness

    @Test func aCookieKeepsAClientOnItsServer() throws {
        let backends = try (0..<4).map { try Backend.echoing("\($0)") }
        let rig = try Rig(backends.map(\.address)) {
            $0.balancing.stickiness = .cookie
            $0.balancing.cookie = "lb"
        }
        func get(_ cookie: String?) -> Wire.Message? {
            let wire = rig.connect()
            let field = cookie.map { "Cookie: a=b; \($0)\r\n" } ?? ""
            wire.send("GET / HTTP/1.1\r\nHost: x\r\n\(field)Connection: close\r\n\r\n")
            return wire.readMessage()
        }
        let first = try #require(get(nil))
        let set = try #require(first.field("Set-Cookie"))
        #expect(set.hasSuffix("; Path=/; HttpOnly; SameSite=Lax"))
        let cookie = try #require(set.split(separator: ";").first.map(String.init))
        #expect(cookie.hasPrefix("lb=") && cookie.utf8.count == 19)
        for _ in 0..<12 {
            let next = try #require(get(cookie))
            #expect(next.text == first.text && next.field("Set-Cookie") == nil)
        }
        // Its server drains: another one, and the client learns of it.
        let home = try #require(Int(first.text))
        rig.proxy.publish(
            backends.enumerated().map {
                RoutedServer(
                    address: $0.element.address, host: "h", state: $0.offset == home ? .draining : .active)
            })
        let moved = try #require(get(cookie))
        #expect(moved.text != first.text && moved.field("Set-Cookie") != nil)
        #expect(get("lb=0000000000000000")?.field("Set-Cookie") != nil)
        #expect(get("lb=nonsense")?.status == 200)
    }

    @Test func anAddressKeepsAClientOnItsServer() throws {
        let backends = try (0..<5).map { try Backend.echoing("\($0)") }
        let rig = try Rig(backends.map(\.address)) { $0.balancing.stickiness = .address }
        let home = try #require(rig.get()?.text)
        for _ in 0..<10 { #expect(rig.get()?.text == home) }
        let others = backends.enumerated().filter { "\($0.offset)" != home }.map(\.element.address)
        rig.proxy.publish(others.map { RoutedServer(address: $0, host: "h") })
        let second = try #require(rig.get()?.text)
        #expect(second != home)
        for _ in 0..<10 { #expect(rig.get()?.text == second) }
        rig.proxy.publish(backends.map { RoutedServer(address: $0.address, host: "h") })
        for _ in 0..<10 { #expect(rig.get()?.text == home) }
    }

    // MARK: Health

    @Test func notedHealthIsActedOn() async throws {
        let (a, b) = (try Backend.echoing("a"), try Backend.echoing("b"))
        let rig = try Rig([a.address, b.address])
        rig.proxy.note([(a.address, .failed), (b.address, .passed)])
        #expect(await Rig.eventually { rig.proxy.snapshot().servers[0].rank == .failed })
        #expect(await Rig.eventually { (0..<10).allSatisfy { _ in rig.get()?.text == "b" } })
        rig.proxy.note([(a.address, .passed), (b.address, .dead)])
        #expect(await Rig.eventually { (0..<10).allSatisfy { _ in rig.get()?.text == "a" } })
    }

    @Test func manyDeadServersAreLearntFromRefusedConnects() async throws {
        let good = try (0..<2).map { try Backend.echoing("good-\($0)") }
        let rig = try Rig(dead(200) + good.map(\.address)) {
            $0.balancing.retries.budgetMinimum = 1_000
        }
        #expect(await Rig.eventually { (0..<30).allSatisfy { _ in rig.get()?.status == 200 } })
        let snapshot = rig.proxy.snapshot()
        #expect(snapshot.servers.suffix(2).allSatisfy { $0.rank == .unchecked && $0.errors == 0 })
        #expect(snapshot.servers.prefix(200).contains { $0.rank == .dead })
    }

    @Test func aRoundOfChecksFindsTheGoodOnesAmongManyDead() async throws {
        let good = try (0..<2).map {
            try Backend.answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\($0)")
        }
        let all = try dead(1_000) + good.map(\.address)
        let rig = try Rig(all)
        let checker = try HealthChecker(HealthSettings()) { rig.proxy.note([($0.address, $0.rank)]) }
        rig.proxy.hearRefusals { [checker] in checker.noteRefusals($0) }
        defer { checker.stop() }
        checker.watch(all)
        #expect(
            await Rig.eventually {
                rig.proxy.snapshot().servers.suffix(2).allSatisfy { $0.rank == .passed }
            })
        #expect(
            await Rig.eventually {
                rig.proxy.snapshot().servers.prefix(1_000).allSatisfy { $0.rank == .dead }
            })
        for _ in 0..<50 { #expect(rig.get()?.status == 200) }
    }

    @Test func aServerThatFailsItsClientsIsEjected() async throws {
        let bad = try Backend { _, wire, _ in _ = wire.readMessage() }
        let good = try (0..<2).map { try Backend.echoing("\($0)") }
        let rig = try Rig([bad.address] + good.map(\.address)) { $0.balancing.balance = .roundRobin }
        let isEjected = await Rig.eventually {
            _ = rig.get()
            return rig.proxy.snapshot().servers[0].ejectedUntil != nil
        }
        #expect(isEjected)
        let server = rig.proxy.snapshot().servers[0]
        #expect(server.rank == .failed && server.errors >= 5)
        #expect(await Rig.eventually { (0..<9).allSatisfy { _ in rig.get()?.status == 200 } })
    }

    @Test(arguments: [true, false])
    func answersOf500EjectOnlyWhereTheSettingsSaySo(_ counts5xx: Bool) async throws {
        let bad = try Backend.answering("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
        let good = try (0..<3).map { _ in try Backend.echoing("good") }
        let rig = try Rig([bad.address]) {
            $0.balancing.balance = .roundRobin
            $0.balancing.ejection.counts5xx = counts5xx
        }
        for _ in 0..<10 { #expect(rig.get()?.status == 500) }
        // Its own ejection tells that what the workers had counted by then was looked at.
        let witness = try Backend { _, wire, _ in _ = wire.readMessage() }
        rig.proxy.publish(
            ([bad, witness] + good).map { RoutedServer(address: $0.address, host: "test") })
        func isEjected(_ backend: Backend) -> Bool {
            rig.proxy.snapshot().servers.contains {
                $0.server.address == backend.address && $0.ejectedUntil != nil
            }
        }
        let wasLooked = await Rig.eventually {
            _ = rig.get()
            return isEjected(witness) && (!counts5xx || isEjected(bad))
        }
        #expect(wasLooked && isEjected(bad) == counts5xx)
        // Valid answers all the same: no attempt has failed.
        let server = try #require(
            rig.proxy.snapshot().servers.first { $0.server.address == bad.address })
        #expect(server.responses5xx >= 10 && server.errors == 0)
    }

    @Test func aDrainedServerIsToldFromOneThatDrains() async throws {
        let gate = try Doorbell()
        let backend = try Backend.gated("a", gate)
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send(request)
        #expect(await Rig.eventually { backend.startLines.count == 1 })
        #expect(!rig.proxy.snapshot().servers[0].isDrained)
        rig.proxy.publish([RoutedServer(address: backend.address, host: "h", state: .draining)])
        #expect(rig.get()?.status == 503)
        #expect(!rig.proxy.snapshot().servers[0].isDrained)
        gate.ring()
        #expect(wire.readMessage()?.status == 200)
        #expect(await Rig.eventually { rig.proxy.snapshot().servers[0].isDrained })
    }

    // MARK: Retries

    @Test func aStaleConnectionsRequestGoesToTheSameServerAgain() throws {
        let backends = try (0..<3).map { name in
            try Backend { backend, wire, _ in
                guard let first = wire.readMessage() else { return }
                backend.note(first)
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\(name)")
                _ = wire.readMessage()  // the next one is read and its connection closed
            }
        }
        let rig = try Rig(backends.map(\.address)) {
            $0.balancing.balance = .roundRobin
            $0.balancing.retries.budgetPercent = 0
            $0.balancing.retries.budgetMinimum = 0
        }
        let wire = rig.connect()
        for number in 0..<12 {
            wire.send("PUT /\(number) HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")
            #expect(wire.readMessage()?.status == 200)
        }
        let snapshot = rig.proxy.snapshot()
        #expect(snapshot.servers.map(\.errors) == [0, 0, 0])
        #expect(snapshot.listener.staleRetries == 9 && snapshot.listener.retries == 0)
        #expect(backends.map { $0.startLines.count } == [4, 4, 4])
    }

    @Test func withoutABudgetNothingIsRepeated() throws {
        let rig = try Rig(dead(2)) {
            $0.balancing.retries.budgetPercent = 0
            $0.balancing.retries.budgetMinimum = 0
        }
        #expect(rig.get()?.status == 502)
        let snapshot = rig.proxy.snapshot()
        #expect(snapshot.listener.retries == 0 && snapshot.listener.retriesDenied == 1)
        #expect(snapshot.servers.map(\.errors).reduce(0, +) == 1)
    }

    @Test func oneAttemptMeansOne() throws {
        let rig = try Rig(dead(3)) { $0.balancing.retries.attemptsMax = 1 }
        #expect(rig.get()?.status == 502)
        #expect(rig.proxy.snapshot().servers.map(\.errors).reduce(0, +) == 1)
    }

    @Test func serversThatCloseAtAnyTimeCostNoRepeatableRequest() async throws {
        // Each connection ends unannounced after a few answers, some while the next request is on its way.
        let backends = try (0..<3).map { server in
            try Backend { _, wire, number in
                for _ in 0..<(1 + (number + server) % 4) {
                    guard let request = wire.readMessage() else { return }
                    let body = request.body.isEmpty ? Array("none".utf8) : request.body
                    wire.send(Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body)
                }
                if number % 2 == 0 { _ = wire.readMessage() }
                wire.close()
            }
        }
        let rig = try Rig(backends.map(\.address), workers: 2)
        let failures = Mutex<[String]>([])
        let threads = (0..<4).map { client in
            try? Thread.start(named: "client-\(client)") {
                let wire = rig.connect()
                for number in 0..<200 {
                    let body = number % 2 == 0 ? "" : "body \(number)"
                    wire.send(
                        "\(number % 2 == 0 ? "GET" : "PUT") / HTTP/1.1\r\nHost: x\r\n"
                            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
                    let answer = wire.readMessage()
                    guard answer?.status == 200, answer?.text == (body.isEmpty ? "none" : body) else {
                        failures.withLock { $0.append("\(number): \(answer?.text ?? "no answer")") }
                        return
                    }
                }
            }
        }
        for thread in threads { thread?.join() }
        #expect(failures.withLock { $0 } == [])
        #expect(rig.proxy.snapshot().listener.staleRetries > 0)
    }

    /// A server may be about to end a connection that has rested, and what is lost with it is not sent again.
    @Test func onlyWhatCanBeRepeatedTakesARestedConnection() throws {
        let backend = try Backend.echoing("a")
        let rig = try Rig([backend.address]) { $0.restedMilliseconds = 0 }
        let wire = rig.connect()
        func ask(_ request: String, _ connections: Int) {
            wire.send(request)
            #expect(wire.readMessage()?.status == 200)
            #expect(backend.connections == connections, "\(request)")
        }
        ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1)
        ask("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody", 1)
        ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody", 2)
        let long = String(repeating: "b", count: 40_000)
        ask("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n\(long)", 3)
        ask("DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", 3)
    }
}
