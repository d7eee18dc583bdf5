import Glibc
import Linux
import Synchronization
import Testing

@testable import Proxy

@Suite(.timeLimit(.minutes(2))) struct HealthCheckerTests {
    private final class Journal: Sendable {
        private let changes = Mutex<[HealthChange]>([])

        func note(_ change: HealthChange) { changes.withLock { $0.append(change) } }
        var all: [HealthChange] { changes.withLock { $0 } }
    }

    private func settings(_ adjust: (inout HealthSettings) -> Void = { _ in }) -> HealthSettings {
        var settings = HealthSettings()
        settings.intervalMilliseconds = 20
        settings.timeoutMilliseconds = 200
        adjust(&settings)
        return settings
    }

    /// The reason that the first check of a server gives.
    private func firstReason(_ address: SocketAddress) async throws -> (Bool, String) {
        let journal = Journal()
        let checker = try HealthChecker(settings()) { journal.note($0) }
        defer { checker.stop() }
        checker.watch([address])
        try #require(await Rig.eventually { !journal.all.isEmpty })
        return (journal.all[0].healthy, journal.all[0].reason)
    }

    @Test func theFirstCheckDecidesAtOnce() async throws {
        let good = try await firstReason(try Backend.answering("HTTP/1.1 204 No Content\r\n\r\n").address)
        #expect(good == (true, "status 204"))
        let interim = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"
        #expect(try await firstReason(try Backend.answering(interim).address) == (true, "status 302"))
        let failing = try await firstReason(
            try Backend.answering("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n").address)
        #expect(failing == (false, "status 500"))
        #expect(try await firstReason(try Rig.deadAddress()) == (false, "connection refused"))
        let garbled = try await firstReason(try Backend.answering("HTTP/1.1 200 OK\n\n").address)
        #expect(garbled == (false, "malformed response: a line ends in a bare LF"))
        let closing = try await firstReason(try Backend { _, wire, _ in _ = wire.readMessage() }.address)
        #expect(closing == (false, "connection closed without a response"))
        let silent = try await firstReason(try Backend { _, wire, _ in _ = wire.readToEnd() }.address)
        #expect(silent == (false, "no answer in 200 ms"))
    }

    @Test func aSlowBodyIsHeardOut() async throws {
        let wasHeard = Mutex<Bool?>(nil)
        let backend = try Backend { _, wire, _ in
            guard wire.readMessage() != nil else { return }
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            usleep(30_000)  // the server is slow; a checker that left at the head has gone by now
            _ = wire.send("bo")
            usleep(30_000)
            let heard = wire.send("dy")
            wasHeard.withLock { $0 = $0 ?? heard }
        }
        #expect(try await firstReason(backend.address) == (true, "status 200"))
        #expect(await Rig.eventually { wasHeard.withLock { $0 } != nil })
        #expect(wasHeard.withLock { $0 } == true)
    }

    @Test func requestsNamePathAndHost() async throws {
        let seen = Mutex<[String]>([])
        let backend = try Backend { _, wire, _ in
            guard let request = wire.readMessage() else { return }
            seen.withLock { $0.append("\(request.startLine) \(request.field("Host") ?? "-")") }
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        let checker = try HealthChecker(
            settings {
                $0.path = "/up?x"
                $0.host = "app.test"
            }
        ) { _ in }
        defer { checker.stop() }
        checker.watch([backend.address])
        #expect(await Rig.eventually { checker.states()[backend.address] == .healthy })
        #expect(seen.withLock { $0.first } == "GET /up?x HTTP/1.1 app.test")
    }

    @Test func aChangeNeedsFallAndRiseChecksInARow() {
        func note(_ record: inout HealthRecord, _ failure: HealthFailure?) -> Bool {
            record.note(failure: failure, rise: 2, fall: 3)
        }
        var record = HealthRecord()
        #expect(note(&record, nil))
        #expect(record.state == .healthy)
        #expect(!note(&record, .refused))
        #expect(!note(&record, .refused))
        #expect(!note(&record, nil))
        #expect(!note(&record, .refused))
        #expect(!note(&record, .refused))
        #expect(note(&record, .status(500)))
        #expect(record.state == .unhealthy(.status(500)))
        #expect(!note(&record, nil))
        #expect(!note(&record, .status(503)))
        #expect(record.state == .unhealthy(.status(503)))
        #expect(!note(&record, nil))
        #expect(note(&record, nil))
    }

    @Test func aRefusedConnectLeavesNoDoubt() {
        var record = HealthRecord()
        #expect(record.rank == .unchecked)
        #expect(condemn(&record))
        #expect(record.rank == .dead && !condemn(&record))
        #expect(!note(&record, nil))
        #expect(condemn(&record) == false)
        #expect(!note(&record, nil))
        #expect(note(&record, nil))
        #expect(record.rank == .passed)
        #expect(condemn(&record))
        #expect(record.state == .unhealthy(.refused))
    }

    @Test func ranksTellTheDeadFromTheDoubtful() {
        var record = HealthRecord()
        #expect(note(&record, .noConnection(milliseconds: 200)))
        #expect(record.rank == .dead)  // it has never answered
        #expect(!note(&record, .status(500)))
        #expect(record.rank == .failed)
        #expect(!note(&record, .unreachable("no route to host")))
        #expect(record.rank == .dead)
        #expect(!note(&record, nil))
        #expect(note(&record, nil))
        for _ in 0..<3 { _ = note(&record, .noConnection(milliseconds: 200)) }
        #expect(record.rank == .failed)  // it has answered before
    }

    private func note(_ record: inout HealthRecord, _ failure: HealthFailure?) -> Bool {
        record.note(failure: failure, rise: 2, fall: 3)
    }

    private func condemn(_ record: inout HealthRecord) -> Bool { record.condemn(.refused) }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nall is wel", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nnot at all", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n3\r\n is\r\n0\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\n\r\nyes all is", true),
    ]) func bodiesAreSearched(_ answer: String, _ isGood: Bool) async throws {
        let backend = try Backend { _, wire, _ in
            _ = wire.readMessage()
            wire.send(answer)
        }
        let journal = Journal()
        let checker = try HealthChecker(settings { $0.bodyMatch = "all is" }) { journal.note($0) }
        defer { checker.stop() }
        checker.watch([backend.address])
        #expect(await Rig.eventually { journal.all.count == 1 })
        #expect(journal.all[0].healthy == isGood)
        if !isGood { #expect(journal.all[0].reason == "the body does not contain the expected text") }
    }

    @Test func aRefusalElsewhereCountsAtOnce() async throws {
        let backend = try Backend { _, wire, _ in
            _ = wire.readMessage()
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        let journal = Journal()
        let checker = try HealthChecker(settings()) { journal.note($0) }
        defer { checker.stop() }
        checker.watch([backend.address])
        #expect(await Rig.eventually { journal.all.count == 1 })
        checker.noteRefusals([backend.address, try SocketAddress("127.0.0.1:1")])
        #expect(await Rig.eventually { journal.all.count == 3 })
        #expect(journal.all.map(\.rank) == [.passed, .dead, .passed])
    }

    @Test func aServerThatComesBackIsReported() async throws {
        let sick = Atomic(false)
        let backend = try Backend { _, wire, _ in
            _ = wire.readMessage()
            let status = sick.load(ordering: .relaxed) ? "503 Sick" : "200 OK"
            wire.send("HTTP/1.1 \(status)\r\nContent-Length: 0\r\n\r\n")
        }
        let journal = Journal()
        let checker = try HealthChecker(settings()) { journal.note($0) }
        defer { checker.stop() }
        checker.watch([backend.address])
        #expect(await Rig.eventually { journal.all.count == 1 })
        sick.store(true, ordering: .relaxed)
        #expect(await Rig.eventually { journal.all.count == 2 })
        sick.store(false, ordering: .relaxed)
        #expect(await Rig.eventually { journal.all.count == 3 })
        #expect(journal.all.map(\.healthy) == [true, false, true])
        #expect(journal.all.map(\.reason) == ["status 200", "status 503", "status 200"])
    }

    @Test func onlyWatchedServersAreKnown() async throws {
        let backends = try (0..<20).map { _ in
            try Backend.answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        let checker = try HealthChecker(settings()) { _ in }
        defer { checker.stop() }
        checker.watch(backends.map(\.address))
        #expect(
            await Rig.eventually {
                let states = checker.states()
                return states.count == 20 && states.values.allSatisfy(\.isHealthy)
            })
        checker.watch([backends[3].address, backends[4].address])
        #expect(await Rig.eventually { checker.states().count == 2 })
        #expect(checker.states()[backends[3].address] == .healthy)
    }

    @Test func theQueueGivesTheEarliestFirst() {
        var queue = DueQueue()
        for due in [5, 3, 9, 1, 7, 3, 8] as [Int64] {
            queue.insert(DueQueue.Entry(due: due, number: Int(due), generation: 0))
        }
        var order: [Int64] = []
        while let entry = queue.first {
            order.append(entry.due)
            queue.removeFirst()
        }
        #expect(order == [1, 3, 3, 5, 7, 8, 9])
    }
}
