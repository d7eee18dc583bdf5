import Linux
import Proxy
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct ServerListTests {
    private func answers(_ rig: Rig, _ count: Int) -> [String: Int] {
        let wire = rig.connect()
        var names: [String: Int] = [:]
        for _ in 0..<count {
            wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            names[wire.readMessage()?.text ?? "nothing", default: 0] += 1
        }
        return names
    }

    @Test func requestsFollowTheWeights() throws {
        let (a, b) = (try Backend.echoing("a"), try Backend.echoing("b"))
        let rig = try Rig([]) { $0.balancing.balance = .roundRobin }
        rig.proxy.publish([
            RoutedServer(address: a.address, host: "a", weight: 30),
            RoutedServer(address: b.address, host: "b", weight: 10),
        ])
        #expect(answers(rig, 40) == ["a": 30, "b": 10])
    }

    @Test func drainingAndUnhealthyServersTakeNothingNew() throws {
        let backends = try ["a", "b", "c", "d"].map { try Backend.echoing($0) }
        let rig = try Rig([])
        rig.proxy.publish([
            RoutedServer(address: backends[0].address, host: "a", state: .draining),
            RoutedServer(address: backends[1].address, host: "b", rank: .failed),
            RoutedServer(address: backends[2].address, host: "c", state: .out),
            RoutedServer(address: backends[3].address, host: "d"),
        ])
        #expect(answers(rig, 10) == ["d": 10])
    }

    @Test func whenNoneIsHealthyAllActiveOnesServe() throws {
        let backends = try ["a", "b", "c"].map { try Backend.echoing($0) }
        let rig = try Rig([]) { $0.balancing.balance = .roundRobin }
        rig.proxy.publish([
            RoutedServer(address: backends[0].address, host: "a", rank: .failed),
            RoutedServer(address: backends[1].address, host: "b", rank: .failed),
            RoutedServer(address: backends[2].address, host: "c", state: .draining),
        ])
        #expect(answers(rig, 10) == ["a": 5, "b": 5])
    }

    @Test func aRemovedServersIdleConnectionsAreClosed() async throws {
        let ended = Mutex(0)
        let backend = try Backend { _, wire, _ in
            while wire.readMessage() != nil { wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") }
            ended.withLock { $0 += 1 }
        }
        let rig = try Rig([backend.address]) { $0.serverIdleMilliseconds = 600_000 }
        #expect(rig.get()?.status == 200)
        rig.proxy.publish([])
        #expect(await Rig.eventually { ended.withLock { $0 } == 1 })
    }

    @Test func aRequestInFlightOutlivesItsServersRemoval() async throws {
        let gate = try Doorbell()
        let backend = try Backend { backend, wire, _ in
            while let request = wire.readMessage() {
                backend.note(request)
                _ = gate.wait(milliseconds: 10_000)
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
            }
        }
        let other = try Backend.echoing("other")
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await Rig.eventually { backend.startLines.count == 1 })
        rig.proxy.publish([RoutedServer(address: other.address, host: "other")])
        #expect(rig.get()?.text == "other")
        gate.ring()
        #expect(wire.readMessage()?.text == "late")
    }

    @Test func changesUnderLoadLoseNothing() async throws {
        let backends = try (0..<4).map { try Backend.echoing("\($0)") }
        let rig = try Rig(backends.map(\.address), workers: 2)
        let stop = Atomic(false)
        let failures = Mutex<[String]>([])
        let served = Atomic(0)
        await withTaskGroup(of: Void.self) { group in
            let threads = (0..<4).map { number in
                try? Thread.start(named: "client-\(number)") {
                    let wire = rig.connect()
                    while !stop.load(ordering: .relaxed) {
                        wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
                        let response = wire.readMessage()
                        guard response?.status == 200, response?.text == "abc" else {
                            failures.withLock { $0.append(response?.text ?? "no response") }
                            return
                        }
                        served.wrappingAdd(1, ordering: .relaxed)
                    }
                }
            }
            for turn in 0..<200 {
                let target = served.load(ordering: .relaxed) + 5
                _ = await Rig.eventually {
                    served.load(ordering: .relaxed) > target || !failures.withLock(\.isEmpty)
                }
                rig.proxy.publish(
                    backends.enumerated().filter { ($0.offset + turn) % 3 != 0 }.map {
                        RoutedServer(
                            address: $0.element.address, host: "h",
                            state: turn % 5 == $0.offset ? .draining : .active,
                            rank: turn % 7 != $0.offset ? .passed : .failed)
                    })
            }
            stop.store(true, ordering: .relaxed)
            for thread in threads { thread?.join() }
        }
        #expect(failures.withLock { $0 } == [])
        #expect(served.load(ordering: .relaxed) > 500)
    }

    @Test func idleConnectionsMakeRoomForNewOnes() throws {
        let backends = try (0..<5).map { try Backend.echoing("\($0)") }
        let rig = try Rig(backends.map(\.address)) {
            $0.connectionsPerWorker = 1
            $0.balancing.balance = .roundRobin
        }
        #expect(answers(rig, 20) == ["0": 4, "1": 4, "2": 4, "3": 4, "4": 4])
    }

    @Test func slotsOfRemovedServersAreUsedAgainWithFreshMeters() async throws {
        let rig = try Rig([])
        let backend = try Backend.echoing("a")
        rig.proxy.publish([RoutedServer(address: backend.address, host: "a")])
        #expect(rig.get()?.status == 200)
        for round in 1...3 {
            let next = try Backend.echoing("b\(round)")
            rig.proxy.publish([RoutedServer(address: next.address, host: "b")])
            #expect(rig.get()?.text == "b\(round)")
            #expect(rig.proxy.snapshot().servers.map(\.requests) == [1])
        }
    }
}
