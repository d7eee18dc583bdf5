import Linux
import Proxy
import Testing

/// WebSockets that are told to go: the Close frame that the proxy puts in, and what passes behind it.
@Suite(.timeLimit(.minutes(2))) struct FarewellTests {
    /// A Close frame with the code 1001, as a server sends it.
    static let goingAway: [UInt8] = [0x88, 0x02, 0x03, 0xe9]
    /// The same as clients send it: masked, with a mask of 1, 2, 3, 4.
    private static let answer: [UInt8] = [0x88, 0x82, 1, 2, 3, 4, 0x03 ^ 1, 0xe9 ^ 2]
    private static let agreement =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    private static let half = 500_000

    private let log = AccessLogTests()

    private func frame(_ text: String) -> [UInt8] { [0x81, UInt8(text.utf8.count)] + Array(text.utf8) }

    /// A server that agrees, and then does this.
    private func server(
        _ agreement: String = FarewellTests.agreement,
        _ body: @escaping @Sendable (Backend, Wire) -> Void = { $1.echoToEnd() }
    ) throws -> Backend {
        try Backend { backend, wire, _ in
            guard wire.readHead() != nil else { return }
            wire.send(agreement)
            body(backend, wire)
        }
    }

    private func upgraded(_ wire: Wire, to name: String = "websocket") -> Wire {
        wire.send("GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: \(name)\r\n\r\n")
        #expect(wire.readHead()?.status == 101)
        return wire
    }

    /// Sets the server's state, and waits until the workers have heard of it.
    private func set(_ server: Backend, _ state: ServerState, _ rig: Rig) async {
        rig.proxy.publish([RoutedServer(address: server.address, host: "test", state: state)])
        #expect(await Rig.eventually { rig.proxy.hasSettled })
    }

    /// The one line that is written, once the proxy has ended.
    private func end(_ folder: AccessLogTests.Folder, _ rig: Rig) async throws -> [String: String] {
        #expect(await Rig.eventually { !folder.lines().isEmpty })
        rig.proxy.stop()
        let lines = folder.lines()
        #expect(lines.count == 1)
        return log.values(try #require(lines.first))
    }

    @Test func aFrameUnderWayIsFinishedAndNothingComesBehindTheFarewell() async throws {
        let gate = try Doorbell()
        let payload = Rig.pattern(2 * FarewellTests.half)
        let length = (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        let late = frame("late")
        let server = try server { backend, wire in
            wire.send([0x82, 127] + length + payload.prefix(FarewellTests.half))
            _ = gate.wait(milliseconds: 30_000)
            wire.send(payload.suffix(FarewellTests.half) + late)
            guard let answer = wire.take(FarewellTests.answer.count) else { return }
            backend.note(Wire.Message(startLine: "\(answer)", fields: []))
            wire.send(FarewellTests.goingAway)
        }
        let folder = try AccessLogTests.Folder()
        let rig = try log.logging(to: folder, [server.address]) { $0.balancing.drainMilliseconds = 600_000 }
        let wire = upgraded(rig.connect())
        #expect(
            wire.take(10 + FarewellTests.half)?.suffix(FarewellTests.half)
                == payload.prefix(FarewellTests.half))
        await set(server, .draining, rig)
        gate.ring()
        #expect(wire.take(FarewellTests.half) == Array(payload.suffix(FarewellTests.half)))
        #expect(wire.take(4) == FarewellTests.goingAway)
        wire.send(FarewellTests.answer)
        #expect(wire.isAtEnd())
        wire.close()
        #expect(await Rig.eventually { rig.proxy.snapshot().servers[0].inFlight == 0 })
        #expect(server.startLines == ["\(FarewellTests.answer)"])
        #expect(try await end(folder, rig)["end"] == "drained")
    }

    /// Among the fragments of a message a Close may stand, and no more of the message comes.
    @Test func betweenTwoFramesItIsSaidAtOnce() async throws {
        let gate = try Doorbell()
        let server = try server { _, wire in
            wire.send([0x01, 2, 0x68, 0x69])
            _ = gate.wait(milliseconds: 30_000)
            wire.send([0x80, 2, 0x68, 0x6f])
        }
        let rig = try Rig([server.address]) { $0.balancing.drainMilliseconds = 600_000 }
        let wire = upgraded(rig.connect())
        #expect(wire.take(4) == [0x01, 2, 0x68, 0x69])
        await set(server, .draining, rig)
        #expect(wire.take(4) == FarewellTests.goingAway)
        gate.ring()
        #expect(wire.isAtEnd())
    }

    @Test func itIsSaidUnderTLS() async throws {
        let server = try server()
        let secure = try SecureRig([server.address]) { $0.balancing.drainMilliseconds = 600_000 }
        let wire = upgraded(try #require(secure.connect()))
        let frame = frame("hello")
        wire.send(frame)
        #expect(wire.take(frame.count) == frame)
        await set(server, .draining, secure.rig)
        #expect(wire.take(4) == FarewellTests.goingAway)
        // The server's echo of the answer is not passed on.
        wire.send(FarewellTests.answer)
        wire.sayGoodbye()
        wire.finishWriting()
        #expect(wire.isAtEnd() && wire.wasToldGoodbye)
    }

    /// The server's own Close, what is no frame, and a frame that never ends: only the drain's time ends these.
    @Test(arguments: [[0x88, 2, 0x03, 0xe8], [0x83, 0], [0x82], [0x81, 5, 0x68]] as [[UInt8]])
    func whereNoneFitsNoneIsSaid(bytes: [UInt8]) async throws {
        let server = try server { _, wire in
            wire.send(bytes)
            wire.echoToEnd()
        }
        let folder = try AccessLogTests.Folder()
        let rig = try log.logging(to: folder, [server.address]) { $0.balancing.drainMilliseconds = 300 }
        let wire = upgraded(rig.connect())
        #expect(wire.take(bytes.count) == bytes)
        await set(server, .draining, rig)
        #expect(wire.isAtEnd())
        #expect(try await end(folder, rig)["end"] == "drained")
    }

    @Test func otherProtocolsAreNotSpokenInto() async throws {
        let server = try server(FarewellTests.agreement.replacing("websocket", with: "chat"))
        let rig = try Rig([server.address]) {
            $0.balancing.drainMilliseconds = 300
            $0.upgrades.protocols = ["chat", "websocket"]
        }
        let wire = upgraded(rig.connect(), to: "chat")
        await set(server, .draining, rig)
        #expect(wire.isAtEnd())
    }

    /// A frame was under way all the while that its server took nothing new.
    @Test func aServerThatComesBackKeepsThem() async throws {
        let server = try server()
        let rig = try Rig([server.address]) { $0.balancing.drainMilliseconds = 600_000 }
        let wire = upgraded(rig.connect())
        let frame = frame("hello")
        wire.send(Array(frame.prefix(3)))
        #expect(wire.take(3) == Array(frame.prefix(3)))
        await set(server, .draining, rig)
        await set(server, .active, rig)
        wire.send(Array(frame.dropFirst(3)))
        #expect(wire.take(frame.count - 3) == Array(frame.dropFirst(3)))
        wire.send(frame)
        #expect(wire.take(frame.count) == frame)
        wire.finishWriting()
        #expect(wire.isAtEnd())
    }

    @Test func atAStopTheyAreTold() async throws {
        let server = try server { _, wire in
            _ = wire.take(FarewellTests.answer.count)
        }
        let folder = try AccessLogTests.Folder()
        let rig = try log.logging(to: folder, [server.address])
        let wire = upgraded(rig.connect())
        rig.proxy.close()
        let proxy = rig.proxy
        async let cut = proxy.drain(until: Instant.now().advanced(milliseconds: 10_000))
        #expect(wire.take(4) == FarewellTests.goingAway)
        wire.send(FarewellTests.answer)
        #expect(wire.isAtEnd())
        wire.close()
        #expect(await cut == 0)
        #expect(try await end(folder, rig)["end"] == "drained")
    }

    /// As at a handover: until shortly before the end they go on as if nothing were.
    @Test func aLongDrainLeavesThemAlone() async throws {
        let server = try server()
        let rig = try Rig([server.address]) { $0.drainIdleMilliseconds = 50 }
        let wire = upgraded(rig.connect())
        let idle = rig.connect()
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.open == 2 })
        rig.proxy.close()
        let proxy = rig.proxy
        async let cut = proxy.drain(until: Instant.now().advanced(milliseconds: 600_000))
        #expect(idle.isAtEnd(), "the worker has heard of the drain")
        let frame = frame("hello")
        wire.send(frame)
        #expect(wire.take(frame.count) == frame)
        wire.finishWriting()
        #expect(wire.isAtEnd())
        wire.close()
        #expect(await cut == 0)
    }
}
