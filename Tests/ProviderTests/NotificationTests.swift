import Fixtures
import Glibc
import Linux
import Testing

@testable import Remediation

@Suite(.timeLimit(.minutes(2))) struct NotificationTests {
    init() { signal(SIGPIPE, SIG_IGN) }

    private let start = Instant(nanoseconds: 1_000_000_000)

    private func notice(_ number: Int = 1, kind: String = "operation.done") -> Notice {
        Notice(
            kind: kind, severity: "info", text: "text \(number)", cluster: "demo", host: "web-1", atMs: 5,
            details: ["epoch": "7"], id: "n-\(number)")
    }

    @Test func whatFailsIsTriedAgainLaterAndGivenUpAtLast() {
        var queue = DeliveryQueue()
        var generator = SeededGenerator(seed: 1)
        #expect(queue.next(at: start) == .idle)
        #expect(queue.add(notice()) == nil)
        var now = start
        var waits: [Int64] = []
        for attempt in 1...DeliveryQueue.triesMax {
            #expect(queue.next(at: now) == .deliver(notice()))
            let why = queue.end(.failed("503"), at: now, using: &generator)
            #expect((why == nil) == (attempt < DeliveryQueue.triesMax))
            guard case .wait(let until) = queue.next(at: now) else { continue }
            waits.append(until.milliseconds(since: now))
            now = until
        }
        #expect(queue.next(at: now) == .idle)
        #expect(waits.count == DeliveryQueue.triesMax - 1)
        #expect(waits.allSatisfy { (500...DeliveryQueue.lastMilliseconds).contains($0) })
        #expect(waits.last ?? 0 >= DeliveryQueue.lastMilliseconds / 2)
    }

    @Test func theQueueIsBoundedAndTheOneUnderWayStays() {
        var queue = DeliveryQueue()
        for number in 0..<DeliveryQueue.waitingMax { #expect(queue.add(notice(number)) == nil) }
        #expect(queue.add(notice(1000)) != nil)
        #expect(queue.next(at: start) == .deliver(notice(0)))
        var generator = SeededGenerator(seed: 1)
        #expect(queue.end(.delivered, at: start, using: &generator) == nil)
        #expect(queue.next(at: start) == .deliver(notice(2)))
        #expect(queue.dropped == 1)
    }

    @Test(arguments: [
        (["*"], true), (["operation.*"], true), (["operation.done"], true), (["operation"], false),
        (["election.*"], false), ([], false),
    ])
    func kindsAreFiltered(_ patterns: [String], _ isOne: Bool) {
        #expect(notice().isOne(of: patterns) == isOne)
    }

    /// RFC 4231, test case 2, with the timestamp's part of the message put in front.
    @Test func theSignatureIsHMAC() throws {
        let hex = NoticeSignature.hex(
            secret: Array("Jefe".utf8), timestamp: "what do ya want for nothing?", body: [])
        let reference = try Self.openssl("what do ya want for nothing?.", key: "Jefe")
        #expect(hex == reference)
    }

    private static func openssl(_ text: String, key: String) throws -> String {
        let path = "/tmp/troop-hmac-\(getpid())"
        defer { _ = unlink(path) }
        try RedisServer.runToEnd(
            ["sh", "-c", "printf %s '\(text)' | openssl dgst -sha256 -hmac '\(key)' -r | cut -d' ' -f1"],
            log: path)
        return RedisServer.text(of: path).split(separator: "\n").first.map(String.init) ?? ""
    }

    @Test func aHookIsGivenTheEvent() async throws {
        let path = "/tmp/troop-hook-\(getpid())"
        defer { _ = unlink(path) }
        let notifier = try #require(
            try Notifier(
                webhook: nil,
                command: HookSettings(
                    command: ["sh", "-c", "cat >>\(path); echo $TROOP_EVENT >>\(path)"], kinds: ["a.*"]),
                environment: ["PATH": "/usr/bin:/bin"], report: { _ in }))
        defer { notifier.stop() }
        notifier.tell(notice(1, kind: "b.c"))
        notifier.tell(notice(2, kind: "a.b"))
        #expect(await eventually { RedisServer.text(of: path).hasSuffix("a.b\n") })
        #expect(
            RedisServer.text(of: path)
                == "{\"at_ms\":5,\"cluster\":\"demo\",\"details\":{\"epoch\":\"7\"},\"host\":\"web-1\",\"id\":\"n-2\","
                + "\"kind\":\"a.b\",\"severity\":\"info\",\"text\":\"text 2\"}\na.b\n")
    }

    @Test func aWebhookIsSignedTriedAgainAndNeverHoldsUp() async throws {
        let receiver = try Receiver(answers: [503, 200, 404])
        let secret = "/tmp/troop-secret-\(getpid())"
        defer { _ = unlink(secret) }
        try RedisServer.write("s3cret", to: secret)
        let reports = Record<String>()
        let notifier = try #require(
            try Notifier(
                webhook: WebhookSettings(
                    url: "http://127.0.0.1:\(receiver.port)/hook", secretFile: secret, kinds: ["*"]),
                command: nil, environment: [:], report: { reports.add($0) }))
        defer { notifier.stop() }
        notifier.tell(notice(1))
        notifier.tell(notice(2))
        #expect(await eventually { receiver.requests.count == 3 })
        let requests = receiver.requests
        #expect(requests[0].body == requests[1].body && requests[0].header("Troop-Delivery") == "n-1")
        #expect(requests[2].header("Troop-Delivery") == "n-2")
        let timestamp = try #require(requests[0].header("Troop-Timestamp"))
        #expect(
            requests[0].header("Troop-Signature")
                == "v1="
                + NoticeSignature.hex(
                    secret: Array("s3cret".utf8), timestamp: timestamp, body: Array(requests[0].body.utf8)))
        // 404: nobody will ever take it.
        #expect(await eventually { reports.all.count == 1 })
        #expect(reports.all.allSatisfy { $0.contains("404") && !$0.contains("s3cret") })
    }
}
