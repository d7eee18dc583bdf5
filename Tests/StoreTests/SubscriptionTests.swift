import Fixtures
import Linux
import Store
import Testing

@Suite struct SubscriptionTests {
    private typealias Event = Subscription.Event

    private func subscribe(
        _ settings: StoreSettings, to channels: [String] = ["news"], pingMilliseconds: Int64 = 5000,
        _ events: Record<Subscription.Event>
    ) throws -> Subscription {
        let subscription = Subscription(settings, channels: channels, pingMilliseconds: pingMilliseconds) {
            events.add($0)
        }
        try subscription.start()
        return subscription
    }

    @Test func messagesArriveInOrder() async throws {
        let server = try RedisServer()
        let events = Record<Event>()
        let subscription = try subscribe(try settings(server.url()), to: ["news", "other"], events)
        defer { subscription.stop() }
        #expect(await eventually { events.all == [.subscribed] })
        try server.command("PUBLISH", "news", "elected a")
        try server.command("PUBLISH", "unheard", "x")
        try server.command("PUBLISH", "other", "")
        let expected: [Event] = [
            .subscribed, .message(channel: "news", payload: "elected a"),
            .message(channel: "other", payload: ""),
        ]
        #expect(await eventually { events.all == expected })
    }

    @Test func aRestartedServerIsSubscribedToAgain() async throws {
        let server = try RedisServer()
        let events = Record<Event>()
        let subscription = try subscribe(try settings(server.url()), events)
        defer { subscription.stop() }
        #expect(await eventually { events.all == [.subscribed] })
        server.stop()
        let refused = Event.lost("Redis is unreachable: 127.0.0.1:\(server.port): Connection refused")
        #expect(await eventually { events.all.last == refused })
        try server.start()
        #expect(await eventually { events.all.last == .subscribed })
        try server.command("PUBLISH", "news", "again")
        #expect(await eventually { events.all.last == .message(channel: "news", payload: "again") })
        #expect(events.all.filter { $0 == refused }.count == 1)
    }

    @Test func aDeadPeerIsNoticedByThePing() async throws {
        let server = try RedisServer()
        let events = Record<Event>()
        let subscription = try subscribe(
            try settings(server.url(), timeout: 200), pingMilliseconds: 50, events)
        defer { subscription.stop() }
        #expect(await eventually { events.all == [.subscribed] })
        // Several pings are answered before the server freezes.
        #expect(await eventually { pings(server) > 2 })
        #expect(events.all == [.subscribed])
        server.pause()
        let lost = Event.lost("Redis did not answer in time: no reply to PING from 127.0.0.1:\(server.port)")
        #expect(await eventually { events.all.contains(lost) })
        server.resume()
        #expect(await eventually { events.all.last == .subscribed })
    }

    private func pings(_ server: RedisServer) -> Int {
        guard let text = try? server.command("INFO", "commandstats"),
            let line = text.split(separator: "\r\n").first(where: { $0.hasPrefix("cmdstat_ping:calls=") })
        else { return 0 }
        return Int(line.dropFirst("cmdstat_ping:calls=".count).prefix { $0 != "," }) ?? 0
    }

    @Test func stopEndsTheConnectionAtOnce() async throws {
        let server = try RedisServer()
        let events = Record<Event>()
        let subscription = try subscribe(try settings(server.url()), events)
        #expect(await eventually { events.all == [.subscribed] })
        #expect(try server.command("PUBSUB", "NUMSUB", "news").hasSuffix(":1\r\n"))
        subscription.stop()
        #expect(
            await eventually {
                (try? server.command("PUBSUB", "NUMSUB", "news"))?.hasSuffix(":0\r\n") == true
            })
        #expect(events.all == [.subscribed])
        try subscription.start()
        #expect(try server.command("PUBSUB", "NUMSUB", "news").hasSuffix(":0\r\n"))
    }

    @Test func aForbiddenChannelIsToldOnce() async throws {
        let server = try RedisServer(configuration: ["user ann on >hunter2 ~* &allowed +@all"])
        let events = Record<Event>()
        let url = "redis://ann:hunter2@127.0.0.1:\(server.port)"
        let subscription = try subscribe(try settings(url), events)
        defer { subscription.stop() }
        #expect(await eventually { events.all.count == 1 })
        guard case .lost(let reason) = events.all.first else {
            Issue.record("\(events.all)")
            return
        }
        #expect(reason.contains("NOPERM"))
    }

    @Test func anUnknownMessageMeansANewConnection() async throws {
        let confirmation = Array("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n".utf8)
        let server = try FakeServer(
            [
                .take, .give(FakeServer.ok), .take, .give(confirmation), .give(Array("*1\r\n*0\r\n".utf8)),
                .hold,
            ])
        let events = Record<Event>()
        let subscription = try subscribe(try settings(server.url), events)
        defer { subscription.stop() }
        #expect(await eventually { server.connections > 1 })
        #expect(events.all.contains(.lost("Redis's answer is malformed: not a message of a subscription")))
    }
}
