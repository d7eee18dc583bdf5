import Glibc
import Linux
import Synchronization
import Testing

@testable import Proxy

/// Servers that answer their checks with more than anybody wants to hear.
@Suite(.timeLimit(.minutes(2))) struct HealthFloodTests {
    private static let fine = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    private func settings() -> HealthSettings {
        var settings = HealthSettings()
        settings.intervalMilliseconds = 20
        settings.timeoutMilliseconds = 10_000  // what is seen is seen by what is sent
        return settings
    }

    @Test(arguments: [
        ("", "HTTP/1.1 102 X\r\n\r\n", "more than 32 interim responses"),
        ("HTTP/1.1 200 OK\r\n", "A: b\r\n", nil), ("HTTP/1.1 200 OK\r\nA: ", "b", nil),
    ])
    func aFloodKeepsNoOtherCheckWaiting(_ first: String, _ rest: String, _ reason: String?) async throws {
        let flood = Array(String(repeating: rest, count: 4_000).utf8)
        let flooding = try Backend { _, wire, _ in
            guard wire.readMessage() != nil, wire.send(first) else { return }
            while wire.send(flood) {}
        }
        let sick = Atomic(false)
        let good = try Backend { _, wire, _ in
            _ = wire.readMessage()
            let isSick = sick.load(ordering: .relaxed)
            wire.send(isSick ? "HTTP/1.1 503 Sick\r\nContent-Length: 0\r\n\r\n" : HealthFloodTests.fine)
        }
        let checker = try HealthChecker(settings()) { _ in }
        defer { checker.stop() }
        checker.watch([flooding.address, good.address])
        let areSeen = await Rig.eventually {
            let states = checker.states()
            return states[good.address] == .healthy && states[flooding.address]?.isUnhealthy == true
        }
        #expect(areSeen, "\(checker.states())")
        sick.store(true, ordering: .relaxed)
        let isSeen = await Rig.eventually {
            checker.states()[good.address] == .unhealthy(.status(503))
        }
        let states = checker.states()
        #expect(isSeen && states[flooding.address]?.isUnhealthy == true, "\(states)")
        if let reason { #expect(states[flooding.address] == .unhealthy(.malformed(reason))) }
    }

    /// 256 KiB, more than one turn reads.
    @Test(arguments: [(32, true), (33, false)])
    func someInterimResponsesArePassedOver(_ count: Int, _ isGood: Bool) async throws {
        let link = String(repeating: "x", count: 8_000)
        let interims = String(repeating: "HTTP/1.1 103 Early Hints\r\nLink: \(link)\r\n\r\n", count: count)
        let backend = try Backend { _, wire, _ in
            _ = wire.readMessage()
            wire.send(interims + HealthFloodTests.fine)
            _ = wire.readToEnd()
        }
        let checker = try HealthChecker(settings()) { _ in }
        defer { checker.stop() }
        checker.watch([backend.address])
        #expect(await Rig.eventually { checker.states()[backend.address] ?? .unknown != .unknown })
        let expected: HealthState =
            isGood ? .healthy : .unhealthy(.malformed("more than 32 interim responses"))
        #expect(checker.states()[backend.address] == expected)
    }

    @Test func aTurnReadsFourTimes() async throws {
        let answer =
            "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + String(repeating: "x", count: 1_000)
        let backend = try Backend { _, wire, _ in
            wire.send(answer)
            _ = wire.readToEnd()
        }
        var probe = try HealthProbe.begin(
            backend.address, request: Array("GET / HTTP/1.1\r\n\r\n".utf8), pattern: nil
        ).get()
        let descriptor = probe.descriptor
        defer { _ = close(descriptor) }
        let isHere = await Rig.eventually {
            var piece = [UInt8](repeating: 0, count: 4_096)
            return recv(descriptor, &piece, piece.count, Int32(MSG_PEEK | MSG_DONTWAIT)) == answer.utf8.count
        }
        try #require(isHere)
        let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 64)
        defer { buffer.deallocate() }
        var turns = 1
        var outcome = probe.advance(into: buffer, good: 200..<300)
        while outcome == .yields {
            turns += 1
            outcome = probe.advance(into: buffer, good: 200..<300)
        }
        // 1041 bytes, 256 in a turn.
        #expect(outcome == .good(status: 200) && turns == 5)
    }
}
