import Election
import Fixtures
import Linux
import Store
import Testing

/// The simulation's store answers as the scripts do in a real Redis, for random sequences.
@Suite struct ScriptModelTests {
    private static let keys = Keys(cluster: "model")

    /// An answer without what depends on the clock.
    private func plain(_ answer: LeaseAnswer) -> LeaseAnswer {
        switch answer {
        case .acquired(let lease, let ttl, _, _): .acquired(lease, ttl: ttl, reason: "", note: nil)
        case .held(let lease, _): .held(lease, left: 0)
        case .foreign(let text, _): .foreign(text, left: 0)
        case .quarantined: .quarantined(left: 0)
        case .reserved(let host, _): .reserved(host: host, left: 0)
        case .absent, .renewed, .reinstated, .lost, .lostToForeign, .released, .unintelligible: answer
        }
    }

    @Test(arguments: UInt64(1)...6) func theModelAnswersAsTheScriptsDo(_ seed: UInt64) throws {
        let server = try RedisServer()
        let until = Instant.now().advanced(milliseconds: 60_000)
        let connection = try StoreConnection.open(
            StoreSettings(url: try StoreURL(server.url())), until: until)
        var random = SeededGenerator(seed)
        let agents = try ["a", "b", "c"].map {
            // So long that nothing ends by itself within the test.
            try ElectionSettings(
                host: $0, nonce: "n", ttlMilliseconds: 60_000, quarantineMilliseconds: 600_000,
                handoverMilliseconds: 60_000)
        }
        var model = StoreModel()
        let now = Instant(nanoseconds: 1_000_000_000)
        var tokens: [Lease] = []
        var seen = Set<String>()
        for step in 0..<1000 {
            if random.chance(30) {
                try disturb(server, &model, &random)
                continue
            }
            let settings = agents[Int(random.within(0...2))]
            let ask = ask(settings, tokens, &random)
            let (script, arguments) = ElectionScripts.message(for: ask, of: settings)
            let reply = try connection.run(
                script, keys: ElectionScripts.keys(Self.keys), arguments: arguments, until: until)
            let real = LeaseAnswer(reply, to: ask)
            var modelled = model.answer(ask, of: settings, at: now)
            if case .acquired(let lease, let ttl, _, _) = real, case .acquired = modelled {
                if let last = tokens.map(\.epoch).max() { #expect(lease.epoch > last) }
                model.adopt(lease)
                tokens.append(lease)
                modelled = .acquired(lease, ttl: ttl, reason: "", note: nil)
            }
            seen.insert("\(plain(real))".prefix { $0 != "(" }.description)
            try #require(plain(real) == plain(modelled), "seed \(seed), step \(step): \(ask)")
        }
        #expect(
            seen == [
                "acquired", "held", "quarantined", "reserved", "absent", "renewed", "reinstated", "lost",
                "released",
            ])
    }

    private func ask(
        _ settings: ElectionSettings, _ tokens: [Lease], _ random: inout SeededGenerator
    ) -> LeaseAsk {
        let token = random.chance(70) ? tokens.last : tokens.dropLast().last
        switch random.within(0...9) {
        case 0...3:
            let dead = random.chance(30) ? token?.token : nil
            // What has been seen is passed on, as agents do; the store's clock does the rest.
            return .acquire(seen: tokens.last?.epoch ?? 0, reason: "x", dead: dead, leaderless: nil)
        case 4...6:
            guard let token else { return .look }
            return .renew(token, before: Instant(nanoseconds: .max))
        case 7:
            guard let token else { return .look }
            let target = random.chance(70) ? "b" : nil
            return .release(ReleaseOrder(.lease(token), target: target, reason: "x"))
        case 8: return .release(ReleaseOrder(.anyOfMine, target: nil, reason: "x"))
        default: return .look
        }
    }

    private func disturb(
        _ server: RedisServer, _ model: inout StoreModel, _ random: inout SeededGenerator
    ) throws {
        switch random.within(0...9) {
        case 0:
            try server.command("FLUSHALL")
            model.wipe()
        case 1:
            let losesLease = random.chance(50)
            try server.command("SET", Self.keys.store, "0123abcd 60000")
            if losesLease { try server.command("DEL", Self.keys.lease) }
            model.restart(losingLease: losesLease)
        case 2...4:
            try server.command("DEL", Self.keys.lease)
            model.endLease()
        case 5...7:
            try server.command("DEL", Self.keys.quarantine)
            model.endQuarantine()
        default:
            try server.command("DEL", Self.keys.handover)
            model.endReservation()
        }
    }
}
