import Glibc
import Linux
import Testing

@testable import Proxy

@Suite(.timeLimit(.minutes(2))) struct DefenceTests {
    @Test func anAddressHasSoManyConnections() async throws {
        let backend = try Backend.echoing("hello")
        let rig = try Rig([backend.address], workers: 2) { $0.defence.connectionsPerClient = 2 }
        func get(_ wire: Wire) -> Int? {
            wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            return wire.readMessage()?.status
        }
        let kept = [rig.connect(), rig.connect()]
        for wire in kept { #expect(get(wire) == 200) }
        let third = rig.connect()
        let answer = third.readMessage()
        #expect(answer?.status == 429 && answer?.sentence == "client: too many connections from this address")
        #expect(third.isAtEnd())
        #expect(rig.proxy.snapshot().listener.overClientLimit == 1)
        for wire in kept { #expect(get(wire) == 200) }
        kept[0].close()
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.open == 1 })
        #expect(get(rig.connect()) == 200)
    }

    @Test func trustedProxiesAreNoSingleClient() throws {
        let backend = try Backend.echoing("hello")
        let trusted = try Network("127.0.0.0/8")
        let rig = try Rig([backend.address]) {
            $0.defence.connectionsPerClient = 1
            $0.forwarding.trust = [trusted]
        }
        let wires = [rig.connect(), rig.connect(), rig.connect()]
        for wire in wires {
            wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(wire.readMessage()?.status == 200)
        }
    }

    @Test func aNetworkOfTheNewKindIsOneClient() throws {
        var randomness = Randomness(seed: 1)
        let crowd = ClientCrowd(limit: 2, randomness: &randomness)
        let site = AddressBits(high: 0x2001_0db8_0000_0001, low: 1)
        let first = try #require(crowd.enter(site))
        #expect(crowd.enter(AddressBits(high: site.high, low: 0xffff_0000_0000_0002)) != nil)
        #expect(crowd.enter(AddressBits(high: site.high, low: 3)) == nil)
        #expect(crowd.enter(AddressBits(high: site.high + 1, low: 1)) != nil)
        crowd.leave(first)
        #expect(crowd.enter(site) != nil && crowd.enter(site) == nil)
        // Old addresses differ in their lower half alone.
        for last in UInt64(1)...200 {
            let address = AddressBits(high: 0, low: 0xffff << 32 | last)
            #expect(crowd.enter(address) != nil && crowd.enter(address) != nil)
            #expect(crowd.enter(address) == nil)
        }
    }

    @Test func aTrickleEndsWithTheTimeForAllOfIt() async throws {
        let backend = try Backend { _, wire, _ in
            while let request = wire.readHead() {
                guard request.path == "/trickle" else {
                    _ = wire.readToEnd()
                    return
                }
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                while wire.send("x") { usleep(20_000) }
                return
            }
        }
        let rig = try Rig([backend.address]) { $0.defence.totalMilliseconds = 1_000 }
        let start = Instant.now()
        let wire = rig.connect()
        wire.send("GET /trickle HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(wire.readHead()?.status == 200)
        #expect(wire.readToEnd().count < 1_000_000)
        #expect(Instant.now().milliseconds(since: start) >= 1_000)
        #expect(rig.proxy.snapshot().listener.cut == 1)

        let silent = rig.get("/silent")
        #expect(
            silent?.status == 504 && silent?.sentence == "proxy: the exchange took too long as a whole")

        let slow = rig.connect()
        slow.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        let begin = Instant.now()
        while Instant.now().milliseconds(since: begin) < 2_300, slow.send("x") { usleep(20_000) }
        let answer = slow.readMessage()
        #expect(
            answer?.status == 408 && answer?.sentence == "client: the request took too long as a whole")
        slow.close()
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.open == 0 })
    }

    @Test func upgradedConnectionsEndWithTheDrainOfTheirServer() async throws {
        let backend = try Backend { _, wire, _ in
            guard wire.readHead() != nil else { return }
            wire.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\n")
            wire.echoToEnd()
        }
        let rig = try Rig([backend.address]) {
            $0.balancing.drainMilliseconds = 1_000
            $0.upgrades.protocols = ["chat"]  // which has no words for a farewell
        }
        func publish(_ state: ServerState) {
            rig.proxy.publish([RoutedServer(address: backend.address, host: "test", state: state)])
        }
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
        #expect(wire.readHead()?.status == 101)
        // A server that is taken back in time keeps its connections.
        publish(.draining)
        #expect(await Rig.eventually { rig.proxy.hasSettled })
        publish(.active)
        let taken = Instant.now()
        while Instant.now().milliseconds(since: taken) < 1_500 {
            wire.send("still")
            #expect(wire.take(5) == Array("still".utf8))
            usleep(20_000)
        }
        publish(.draining)
        let drained = Instant.now()
        while wire.send("still"), wire.take(5) == Array("still".utf8) { usleep(20_000) }
        #expect(wire.isAtEnd())
        #expect(Instant.now().milliseconds(since: drained) >= 900)
        #expect(await Rig.eventually { rig.proxy.snapshot().servers[0].inFlight == 0 })
    }

    /// Of which the goal for the memory of idle connections (`make bench`, `idle`) is made.
    @Test func aConnectionsSlotHasNoGaps() {
        #expect(MemoryLayout<Client>.stride <= 368)
        #expect(MemoryLayout<Upstream>.stride <= 112)
        #expect(MemoryLayout<Trail>.stride <= 152)
    }
}
