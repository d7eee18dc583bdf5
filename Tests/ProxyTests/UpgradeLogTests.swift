import Glibc
import Linux
import Proxy
import Testing

/// What the access log says of connections that leave HTTP.
@Suite(.timeLimit(.minutes(2))) struct UpgradeLogTests {
    private static let request =
        "GET /chat?room=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    private static let agreement =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

    private let log = AccessLogTests()

    /// A server that agrees, and then does this.
    private func server(_ body: @escaping @Sendable (Wire) -> Void = { $0.echoToEnd() }) throws -> Backend {
        try Backend { _, wire, _ in
            guard wire.readHead() != nil else { return }
            wire.send(UpgradeLogTests.agreement)
            body(wire)
        }
    }

    /// A connection that was upgraded.
    private func upgraded(_ rig: Rig) -> Wire {
        let wire = rig.connect()
        wire.send(UpgradeLogTests.request)
        #expect(wire.readHead()?.status == 101)
        return wire
    }

    /// The one line that is written, once the proxy has ended.
    private func onlyLine(_ folder: AccessLogTests.Folder, _ rig: Rig) async throws -> [String: String] {
        #expect(await Rig.eventually { !folder.lines().isEmpty })
        rig.proxy.stop()
        let lines = folder.lines()
        #expect(lines.count == 1)
        let line = try #require(lines.first)
        #expect(line.utf8.allSatisfy { (0x20..<0x7f).contains($0) })
        let values = log.values(line)
        #expect(values["method"] == "GET" && values["target"] == "/chat?room=1", "\(line)")
        #expect(values["status"] == "101" && values["version"] == "1.1" && values["attempts"] == "1")
        #expect(values["first_byte_us"].flatMap { Int($0) } != nil, "\(line)")
        return values
    }

    @Test func allThatPassedIsCounted() async throws {
        let folder = try AccessLogTests.Folder()
        let rig = try log.logging(to: folder, [try server().address])
        let wire = rig.connect()
        let sent = UpgradeLogTests.request + "early"
        wire.send(sent)
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.upgraded == 1 })
        let frame = Rig.pattern(100_000)
        wire.send(frame)
        wire.finishWriting()
        let seen = wire.readToEnd()
        #expect(seen.starts(with: Array("HTTP/1.1 101 ".utf8)) && seen.suffix(frame.count) == frame[...])
        let line = try await onlyLine(folder, rig)
        #expect(line["in"] == "\(sent.utf8.count + frame.count)" && line["out"] == "\(seen.count)")
        #expect(line["end"] == "done")
    }

    @Test func theServersEndIsDone() async throws {
        let folder = try AccessLogTests.Folder()
        let server = try server { $0.send("bye") }
        let rig = try log.logging(to: folder, [server.address])
        let wire = upgraded(rig)
        #expect(wire.readToEnd() == Array("bye".utf8))
        wire.close()
        #expect(try await onlyLine(folder, rig)["end"] == "done")
    }

    @Test func theIdleLimitHasItsWord() async throws {
        let folder = try AccessLogTests.Folder()
        let rig = try log.logging(to: folder, [try server().address]) {
            $0.upgrades.idleMilliseconds = 200
        }
        #expect(upgraded(rig).isAtEnd())
        #expect(try await onlyLine(folder, rig)["end"] == "timeout_upgrade_idle")
    }

    @Test func aClientThatResetsIsGone() async throws {
        let folder = try AccessLogTests.Folder()
        let rig = try log.logging(to: folder, [try server().address])
        upgraded(rig).reset()
        #expect(try await onlyLine(folder, rig)["end"] == "client_gone")
    }

    @Test func theDrainOfItsServerHasItsWord() async throws {
        let folder = try AccessLogTests.Folder()
        let server = try server()
        let rig = try log.logging(to: folder, [server.address]) { $0.balancing.drainMilliseconds = 100 }
        let wire = upgraded(rig)
        rig.proxy.publish([RoutedServer(address: server.address, host: "test", state: .draining)])
        #expect(wire.readToEnd() == FarewellTests.goingAway)
        #expect(try await onlyLine(folder, rig)["end"] == "drained")
    }

    @Test func aStopHasItsWord() async throws {
        let folder = try AccessLogTests.Folder()
        let rig = try log.logging(to: folder, [try server().address])
        let wire = upgraded(rig)
        rig.proxy.close()
        #expect(await rig.proxy.drain(until: .now()) == 1)
        #expect(wire.readToEnd() == FarewellTests.goingAway)
        #expect(try await onlyLine(folder, rig)["end"] == "stopped")
    }

    /// Bytes that a client sent last, and that nobody took, are not its request's head.
    @Test func whatIsUnderWayGetsIntoNoLine() async throws {
        let folder = try AccessLogTests.Folder()
        let gate = try Doorbell()
        let server = try server { wire in
            _ = gate.wait(milliseconds: 30_000)
            wire.reset()
        }
        let rig = try log.logging(to: folder, [server.address])
        let wire = upgraded(rig)
        // The server reads nothing: sending stops once every buffer on the way is full, the proxy's own included.
        var patience = timeval(tv_sec: 0, tv_usec: 500_000)
        _ = setsockopt(
            wire.descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let piece = [UInt8]((0..<500_000).flatMap { _ in [0x0a, 0x1b] as [UInt8] })
        var pieces = 0
        while pieces < 100, wire.send(piece) { pieces += 1 }
        #expect(pieces < 100)
        gate.ring()
        let line = try await onlyLine(folder, rig)
        #expect(line["end"] == "server_cut")
        #expect((line["in"].flatMap { Int($0) } ?? 0) > UpgradeLogTests.request.utf8.count)
    }

    /// The limit is for a pause, not for all that the other side has left to say.
    @Test func afterOneSidesEndTheOtherMayGoOn() async throws {
        let folder = try AccessLogTests.Folder()
        let backend = try server { wire in
            _ = wire.readToEnd()
            for _ in 0..<15 {
                wire.send("x")
                usleep(100_000)
            }
        }
        let rig = try log.logging(to: folder, [backend.address]) { $0.responseBodyMilliseconds = 1_000 }
        let wire = upgraded(rig)
        wire.finishWriting()
        #expect(wire.readToEnd().count == 15)
        #expect(try await onlyLine(folder, rig)["end"] == "done")
    }

    /// Nor does what came of it look whole when the rest did not.
    @Test func afterOneSidesEndTheOtherMayNotRestForEver() async throws {
        let folder = try AccessLogTests.Folder()
        let gate = try Doorbell()
        let backend = try server { wire in
            _ = wire.readToEnd()
            wire.send("part")
            _ = gate.wait(milliseconds: 30_000)
        }
        let rig = try log.logging(to: folder, [backend.address]) { $0.responseBodyMilliseconds = 300 }
        let wire = upgraded(rig)
        wire.finishWriting()
        #expect(wire.take(4) == Array("part".utf8))
        #expect(wire.readToEnd().isEmpty && wire.lastError == ECONNRESET)
        gate.ring()
        #expect(try await onlyLine(folder, rig)["end"] == "timeout_response_body")
    }

    /// A client that reads slowly and goes on writing gets all that the server said before it closed: what is with the
    /// client's kernel by then, and, of the longer words, what is still in the proxy's.
    @Test(arguments: [100_000, 200_000]) func whatTheServerSaidBeforeItWentComesWhole(_ size: Int)
        async throws
    {
        let folder = try AccessLogTests.Folder()
        let last = Rig.pattern(size)
        let gate = try Doorbell()
        let backend = try server { wire in
            wire.send(last)
            var unsent: Int32 = 1
            let isTaken = ioctl(wire.descriptor, UInt(TIOCOUTQ), &unsent) == 0
            for _ in 0..<100 where isTaken && unsent > 0 {
                usleep(20_000)
                _ = ioctl(wire.descriptor, UInt(TIOCOUTQ), &unsent)
            }
            #expect(unsent == 0, "what the server's own kernel has yet to send is lost with the reset")
            gate.ring()
        }
        let rig = try log.logging(to: folder, [backend.address])
        let wire = Wire.narrow(to: rig.address)
        wire.send(UpgradeLogTests.request)
        #expect(wire.readHead()?.status == 101)
        #expect(gate.wait(milliseconds: 10_000))
        for _ in 0..<5 {
            // The first one is answered with a reset, the next ones find nobody.
            usleep(50_000)
            wire.send("ping")
        }
        let got = wire.readToEnd()
        #expect(got.count == last.count && got == last)
        #expect(wire.lastError == 0)
        // It depends on what the proxy sees first, the server's end or that it takes no more.
        let end = try await onlyLine(folder, rig)["end"]
        #expect(end == "done" || end == "server_cut", "\(end ?? "none")")
    }

    /// It is the client that keeps its connection then, not the server.
    @Test func aClientThatHasEndedAndDoesNotReadHasItsWord() async throws {
        let folder = try AccessLogTests.Folder()
        let backend = try server { wire in
            _ = wire.readToEnd()
            _ = wire.send([UInt8](repeating: 0x61, count: 30_000_000))
        }
        let rig = try log.logging(to: folder, [backend.address]) { $0.responseBodyMilliseconds = 300 }
        let wire = Wire.narrow(to: rig.address)
        wire.send(UpgradeLogTests.request)
        #expect(wire.readHead()?.status == 101)
        wire.finishWriting()
        #expect(try await onlyLine(folder, rig)["end"] == "timeout_client_read")
    }
}
