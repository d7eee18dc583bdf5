import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// What people do to the leadership: hand it over, pause elections, end the pause.
@Suite(.serialized) struct SwitchoverTests {
    private func begin(_ names: [String] = ["a", "b", "c"]) async throws -> Ensemble {
        let troop = try Ensemble(names)
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: names.count) }
        try #require(isUp, "\(troop.logs)")
        return troop
    }

    @Test(.timeLimit(.minutes(2))) func theLeaseGoesWhereAPersonSends() async throws {
        let troop = try await begin()
        let load = try LoadClient(port: troop.proxyPort, perSecond: 500)
        for _ in 0..<3 {
            let old = try #require(troop.status()?.leader?.host)
            let target = try #require(["a", "b", "c"].first { $0 != old })
            let asked = try #require(["a", "b", "c"].first { $0 != old && $0 != target })
            // Any agent may be asked, not only the one that leads or will.
            let answer = try troop.command(
                asked, "switchover", "--to", target, "--reason", "a test", "-o", "json")
            #expect(answer.code == 0, "\(answer.output)\n\(troop.logs)")
            #expect(answer.output.contains("\"to\" : \"\(target)\""))
            let isWhole = await eventually(within: 20_000) { troop.isWhole(leader: target) }
            #expect(isWhole, "\(troop.logs)")
            print("  \(answer.output.split(whereSeparator: \.isNewline).joined())")
        }
        let tally = load.stop()
        #expect(tally.failures.isEmpty, "\(tally.reasons)\n\(troop.logs)")
        #expect(tally.answered > 100)
        #expect(try troop.command("a", "history").output.contains("switchover: a test"))
        let reigns = troop.reigns().sorted { $0.from < $1.from }
        for (earlier, later) in zip(reigns, reigns.dropFirst()) {
            #expect(earlier.until.map { $0 <= later.from } ?? false, "two leaders at once")
            #expect(earlier.epoch < later.epoch)
        }
    }

    /// The lease is given away before anybody has it: until another is seen to lead, the old one serves.
    @Test(.timeLimit(.minutes(2))) func aSwitchoverToAHostThatHangsRefusesNobody() async throws {
        let troop = try await begin(["a", "b"])
        let leader = try #require(troop.status()?.leader?.host)
        let target = leader == "a" ? "b" : "a"
        let hung = try troop.agent(target)
        hung.signal(SIGSTOP)
        defer { hung.signal(SIGCONT) }
        // Its last report is young enough, and so nobody knows yet.
        let asking = Task.detached { _ = try? troop.command(leader, "switchover", "--to", target) }
        var (answered, refused) = (0, 0)
        let end = Instant.now().advanced(milliseconds: 3000)
        while Instant.now() < end {
            if troop.get()?.status == 200 { answered += 1 } else { refused += 1 }
            try await Task.sleep(for: .milliseconds(2))
        }
        #expect(refused == 0 && answered > 100, "\(answered) answered\n\(troop.logs)")
        hung.signal(SIGCONT)
        await asking.value
        #expect(try troop.command(leader, "history").output.contains("handed over to \(target)"))
        #expect(await eventually(within: 20_000) { troop.isUp(servers: 2) }, "\(troop.logs)")
    }

    @Test(.timeLimit(.minutes(2))) func whatCannotBeIsRefusedWithAReason() async throws {
        let troop = try await begin(["a", "b"])
        let leader = try #require(troop.status()?.leader?.host)
        let other = leader == "a" ? "b" : "a"
        let unknown = try troop.command(leader, "switchover", "--to", "nobody")
        #expect(unknown.code == 1)
        #expect(unknown.output.contains("hosts that can: \(other)"), "\(unknown.output)")
        let itself = try troop.command(other, "switchover", "--to", leader)
        #expect(itself.code == 1)
        #expect(itself.output.contains("leads already"))
        #expect(try troop.command("a", "switchover", "--to", "a b").code == 1)
        #expect(troop.status()?.leader?.host == leader)
    }

    /// In a pause the leader stays and nobody replaces it; the end of the pause lets the troop elect again.
    @Test(.timeLimit(.minutes(2))) func aPauseHoldsElectionsBack() async throws {
        let troop = try await begin(["a", "b"])
        let leader = try #require(troop.status()?.leader?.host)
        let other = leader == "a" ? "b" : "a"
        #expect(try troop.command(other, "pause", "--reason", "switch work").code == 0)
        let isTold = await eventually {
            ["a", "b"].allSatisfy {
                troop.status(of: $0)?.notices.contains { $0.contains("switch work") } ?? false
            }
        }
        #expect(isTold)
        #expect(try troop.command(leader, "status").code == 1)
        let refused = try troop.command(leader, "switchover")
        #expect(refused.code == 1)
        #expect(refused.output.contains("troop resume"), "\(refused.output)")

        _ = try troop.killAgent(leader)
        // Its lease stands for a moment yet.
        let isHeadless = await eventually {
            (try? troop.redis.command("EXISTS", "troop:{test}:lease")) == ":0\r\n"
                && (try? troop.command(other, "status").code) == 2
        }
        #expect(isHeadless)
        // A few lease times later there still is no leader.
        let until = Instant.now().advanced(milliseconds: 3000)
        while Instant.now() < until {
            #expect(troop.status(of: other)?.leader == nil)
            _ = await eventually(within: 100) { false }
        }
        #expect(try troop.command(other, "resume").code == 0)
        let isLed = await eventually { troop.status(of: other)?.leader?.host == other }
        #expect(isLed, "\(troop.logs)")
    }
}
