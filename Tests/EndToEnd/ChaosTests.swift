import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// Servers that come, go, die, hang and break off under a steady load: whatever fails must be something that may not
/// be repeated, and is named.
@Suite(.serialized) struct ChaosTests {
    private static let perSecond = 300

    /// A troop that is up, and its leader's access log.
    private func begin(_ names: [String], _ proxy: [String]) async throws -> (Ensemble, log: String) {
        let troop = try Ensemble(names, proxy: proxy)
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: names.count) }
        try #require(isUp, "\(troop.logs)")
        let leader = try #require(troop.status()?.leader?.host)
        return (troop, "\(troop.folder)/\(leader).access")
    }

    private func server(_ troop: Ensemble, _ address: String) -> Status.Server? {
        troop.status()?.servers.first { $0.address == address }
    }

    /// Waits for so many answers more.
    private func serve(_ load: LoadClient, _ answers: Int) async {
        let before = load.tally.answered
        let came = await eventually(within: 20_000) { load.tally.answered >= before + answers }
        #expect(came)
    }

    /// Takes what failed since the last look; each failure must contain one of `reasons`.
    private func explain(
        _ load: LoadClient, _ seen: inout (failures: Int, cut: Int), _ phase: String, _ reasons: String...,
        mayCut: Bool = false, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let tally = load.tally
        let fresh = tally.failures.dropFirst(seen.failures)
        let cut = tally.cut - seen.cut
        print("  \(phase): \(tally.answered) answered so far, \(fresh.count) failed, \(cut) cut")
        for failure in fresh {
            #expect(
                reasons.contains { failure.contains($0) }, "\(phase): \(failure)",
                sourceLocation: sourceLocation)
        }
        #expect(mayCut || cut == 0, "\(phase)", sourceLocation: sourceLocation)
        seen = (tally.failures.count, tally.cut)
    }

    /// The access log's lines by why they ended.
    private func ends(_ log: String) -> [String: Int] {
        var ends: [String: Int] = [:]
        for line in Program.text(of: log).split(separator: "\n") {
            guard let field = line.firstRange(of: " end=") else { continue }
            ends[String(line[field.upperBound...].prefix { $0 != " " }), default: 0] += 1
        }
        return ends
    }

    @Test(.timeLimit(.minutes(3))) func serversComeGoDieAndHang() async throws {
        let (troop, log) = try await begin(
            ["a", "b", "c"],
            [
                "health_interval: 200ms", "health_timeout: 300ms", "first_byte_timeout: 1s", "slow_start: 0s",
                "eject_time: 1s",
            ])
        let load = try LoadClient(port: troop.proxyPort, perSecond: Self.perSecond)
        var seen = (failures: 0, cut: 0)
        await serve(load, 200)

        let port = try RedisServer.freePort()
        let fourth = "127.0.0.1:\(port)"
        let extra = try Program(
            ["sample-app", "--port", "\(port)", "--name", "app-extra"], log: "\(troop.folder)/extra.log")
        #expect(try troop.command("a", "servers", "add", fourth).code == 0)
        #expect(await eventually { (server(troop, fourth)?.requests ?? 0) > 20 }, "\(troop.logs)")
        explain(load, &seen, "added")

        #expect(try troop.command("a", "servers", "add", fourth, "--state", "draining").code == 0)
        #expect(
            await eventually {
                server(troop, fourth).map { $0.state == "draining" && $0.inFlight == 0 } ?? false
            })
        let drained = await eventually {
            let before = server(troop, fourth)?.requests
            await serve(load, 100)
            return before != nil && server(troop, fourth)?.requests == before
        }
        #expect(drained, "\(troop.logs)")
        extra.signal(SIGKILL)
        _ = extra.wait()
        #expect(try troop.command("a", "servers", "remove", fourth).code == 0)
        await serve(load, 100)
        explain(load, &seen, "drained, killed and removed")

        let second = "127.0.0.1:\(try troop.member("b").appPort)"
        let app = try troop.app("b")
        app.signal(SIGKILL)
        _ = app.wait()
        await serve(load, 300)
        // Requests that it had begun to work on may have had an effect.
        explain(
            load, &seen, "killed", "server \(second): closed the connection without a response",
            "server \(second): broke its response off", mayCut: true)
        try troop.startApp("b")
        #expect(await eventually(within: 20_000) { server(troop, second)?.healthy == true }, "\(troop.logs)")
        await serve(load, 300)
        explain(load, &seen, "started again")

        let third = "127.0.0.1:\(try troop.member("c").appPort)"
        let hung = try troop.app("c")
        hung.signal(SIGSTOP)
        #expect(await eventually(within: 20_000) { server(troop, third)?.healthy == false }, "\(troop.logs)")
        await serve(load, 300)
        explain(load, &seen, "hung", "server \(third): sent no response in time")
        hung.signal(SIGCONT)
        #expect(await eventually(within: 20_000) { server(troop, third)?.healthy == true }, "\(troop.logs)")
        await serve(load, 300)
        explain(load, &seen, "went on", "server \(third): sent no response in time")

        // Slow by fits: a fifth of a second now and then is no failure of anybody's.
        for _ in 0..<10 {
            hung.signal(SIGSTOP)
            try await Task.sleep(for: .milliseconds(150))
            hung.signal(SIGCONT)
            await serve(load, 30)
        }
        explain(load, &seen, "slow")
        let tally = load.stop()
        #expect(tally.answered > 1500 && tally.reconnects == 0)
        // Each of them is in the log, and nothing else is.
        let agree = await eventually {
            let ends = ends(log)
            return ends.filter { $0.key != "done" }.values.reduce(0, +) == tally.failures.count + tally.cut
                && ends["done", default: 0] >= tally.answered
        }
        #expect(agree, "\(ends(log)) \(tally.failures.count) \(tally.cut)\n\(troop.logs)")
    }

    @Test(.timeLimit(.minutes(3)), arguments: Saboteur.Form.allCases)
    func answersThatBreakOffAnywhereCostNobodyElse(_ form: Saboteur.Form) async throws {
        let (troop, log) = try await begin(
            ["a", "b"], ["eject_failures: 0", "eject_errors: 0", "slow_start: 0s"])
        let saboteur = try Saboteur(form)
        defer { saboteur.stop() }
        let address = "127.0.0.1:\(saboteur.port)"
        #expect(try troop.command("a", "servers", "add", address).code == 0)
        let load = try LoadClient(port: troop.proxyPort, perSecond: Self.perSecond)
        // Once with an orderly end behind every byte, once with a reset.
        #expect(await eventually(within: 60_000) { saboteur.tally.rounds >= 2 }, "\(troop.logs)")
        let tally = load.stop()
        let (rounds, requests) = saboteur.tally
        let broken = tally.failures.count + tally.cut
        print(
            "  \(form): \(tally.answered) answered; of \(requests) at the saboteur \(tally.failures.count) failed, "
                + "\(tally.cut) were cut")
        for failure in tally.failures {
            #expect(
                failure.hasPrefix("HTTP/1.1 502 ")
                    && (failure.contains("server \(address): closed the connection without a response")
                        || failure.contains("server \(address): broke its response off")),
                "\(failure)")
        }
        // Whole answers may be lost to a reset; every other request there is one failure, and none is repeated.
        // On a kept connection one that got no byte is, and a reset may take bytes along: of those only the
        // orderly round is sure.
        let least = form == .kept ? saboteur.answer.count - 1 : requests - rounds - 1
        #expect(broken <= requests && broken >= least, "\(broken) of \(requests), \(rounds)")
        #expect(tally.cut > 0 && tally.reconnects == 0 && tally.answered > broken)
        let agree = await eventually {
            ends(log).filter { $0.key != "done" }.values.reduce(0, +) == broken
        }
        #expect(agree, "\(ends(log)) \(broken)")
    }
}
