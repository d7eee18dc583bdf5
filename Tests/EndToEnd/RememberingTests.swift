import Fixtures
import Linux
import Peer
import Testing
import Transfer

/// What agents remember of the hosts, across a failover and a restart.
@Suite(.serialized) struct RememberingTests {
    private func answer(_ troop: Ensemble, _ name: String, _ path: String) throws -> Transfer.Answer {
        var transfer = Transfer(url: "http://127.0.0.1:\(try troop.member(name).apiPort)\(path)")
        transfer.timeoutMilliseconds = 3000
        return try transfer.perform()
    }

    /// What the agent `name` remembers of a host.
    private func history(_ troop: Ensemble, _ name: String, of host: String) -> HistoryAnswer? {
        guard
            let answer = try? answer(troop, name, "/v1/hosts/\(host)/history?from=5m&series=memory&step=1s"),
            answer.status == 200
        else { return nil }
        return try? JSONForm.document(HistoryAnswer.self, from: answer.body)
    }

    /// How many values are known that are older than `milliseconds`.
    private func known(_ history: HistoryAnswer?, olderThan milliseconds: Int64 = 0) -> Int {
        guard let history, let column = history.series["memory"] else { return 0 }
        let end = history.nowMs - milliseconds
        return column.enumerated().count { row, value in
            // The whole row lies before.
            value != nil && history.fromMs + Int64(row + 1) * history.stepMs <= end
        }
    }

    private func everybodyKnows(_ troop: Ensemble) async -> Bool {
        let names = troop.members.map(\.name)
        return await eventually(within: 40_000) {
            // A value comes each second; who asks all the time keeps the agents from their work.
            try? await Task.sleep(for: .milliseconds(300))
            return names.allSatisfy { name in names.allSatisfy { known(history(troop, name, of: $0)) >= 5 } }
        }
    }

    @Test(.timeLimit(.minutes(3))) func whatWasBeforeTheFailoverIsKnownAfterIt() async throws {
        let troop = try Ensemble()
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 3) }
        try #require(isUp, "\(troop.logs)")
        // The standbys of a small troop remember as the leader does.
        let allKnow = await everybodyKnows(troop)
        try #require(allKnow, "\(troop.logs)")
        let old = try #require(troop.status()?.leader?.host)
        let killed = try troop.killAgent(old)
        var new: String?
        let isReplaced = await eventually(within: 20_000) {
            new = troop.status()?.leader?.host
            return new.map { $0 != old && troop.status(of: $0)?.agent.election == "leader" } ?? false
        }
        try #require(isReplaced, "\(troop.logs)")
        let leader = try #require(new)
        // It was promoted after the kill: what is older than that is from before its promotion.
        let knows = await eventually(within: 10_000) {
            try? await Task.sleep(for: .milliseconds(300))
            return troop.members.allSatisfy { member in
                known(
                    history(troop, leader, of: member.name),
                    olderThan: Instant.now().milliseconds(since: killed)) >= 3
            }
        }
        #expect(knows, "\(troop.logs)")
        // And it goes on.
        let goesOn = await eventually(within: 20_000) {
            try? await Task.sleep(for: .milliseconds(300))
            let answer = history(troop, leader, of: leader)
            return known(answer) > known(answer, olderThan: Instant.now().milliseconds(since: killed)) + 2
        }
        #expect(goesOn, "\(troop.logs)")

        #expect(try answer(troop, leader, "/v1/hosts/a/history?from=yesterday").status == 400)
        #expect(try answer(troop, leader, "/v1/hosts/%3Cscript%3E/history").status == 404)
        #expect(
            try answer(troop, leader, "/v1/hosts/\(String(repeating: "x", count: 5000))/history").status
                == 404)
    }

    @Test(.timeLimit(.minutes(3))) func anAgentThatIsStartedAnewHasThePastFromAnother() async throws {
        let troop = try Ensemble()
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 3) }
        try #require(isUp, "\(troop.logs)")
        let allKnow = await everybodyKnows(troop)
        try #require(allKnow, "\(troop.logs)")
        let leader = try #require(troop.status()?.leader?.host)
        let standby = try #require(troop.members.map(\.name).first { $0 != leader })
        #expect(try troop.terminateAgent(standby) == 0)
        let ended = Instant.now()
        try troop.startAgent(standby)
        let isFilled = await eventually(within: 30_000) {
            try? await Task.sleep(for: .milliseconds(300))
            let answer = history(troop, standby, of: leader)
            return answer?.filledFrom != nil
                && known(answer, olderThan: Instant.now().milliseconds(since: ended)) >= 3
        }
        #expect(isFilled, "\(troop.logs)")
        // And it still knows that when it leads.
        _ = try troop.killAgent(leader)
        let other = try #require(troop.members.map(\.name).first { $0 != leader && $0 != standby })
        #expect(try troop.terminateAgent(other) == 0)
        let leads = await eventually(within: 20_000) {
            troop.status(of: standby)?.agent.election == "leader"
        }
        try #require(leads, "\(troop.logs)")
        let past = known(
            history(troop, standby, of: leader), olderThan: Instant.now().milliseconds(since: ended))
        #expect(past >= 3, "\(troop.logs)")
    }
}
