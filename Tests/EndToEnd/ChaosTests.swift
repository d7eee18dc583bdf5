import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// Servers that come, go, die, hang and break off under a steady load of reads and writes: whatever fails must be
/// something that may not be repeated, and has its reason in the access log.
@Suite(.serialized) struct ChaosTests {
    private static let perSecond = 300

    /// A load, and what has been looked at of it and of the leader's access log.
    private struct Watch {
        let load: LoadClient
        let book: AccessBook
        var failures = 0
        var cuts = 0
    }

    /// A troop that is up, and its leader's access log.
    private func begin(_ names: [String], _ proxy: [String]) async throws -> (Ensemble, AccessBook) {
        let troop = try Ensemble(names, proxy: proxy, workers: 2)
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: names.count) }
        try #require(isUp, "\(troop.logs)")
        let leader = try #require(troop.status()?.leader?.host)
        return (troop, AccessBook("\(troop.folder)/\(leader).access"))
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

    /// Takes what was lost since the last look; the access log must tell of each loss why, and the disturbance must
    /// be one that explains it.
    private func explain(
        _ watch: inout Watch, _ phase: String, _ disturbance: Disturbance = .none,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        let (tally, book) = (watch.load.tally, watch.book)
        let failures = tally.failures.dropFirst(watch.failures)
        let cuts = tally.cuts.dropFirst(watch.cuts)
        (watch.failures, watch.cuts) = (tally.failures.count, tally.cuts.count)
        let lost = failures.map { ($0.request, $0.what) } + cuts.map { ($0, "its answer was cut") }
        let isTold = await eventually {
            book.read()
            return lost.allSatisfy { book.line(of: $0.0.number) != nil }
        }
        #expect(isTold, "\(phase): the log does not tell of all of \(lost)", sourceLocation: sourceLocation)
        var counts: [String: Int] = [:]
        for (request, what) in lost {
            guard let line = book.line(of: request.number) else { continue }
            counts["\(request.method.rawValue) \(line.end)", default: 0] += 1
            let objection = disturbance.objection(to: line, of: request)
            #expect(
                objection == nil, "\(phase): \(request): \(what)\n\(line)", sourceLocation: sourceLocation)
        }
        let reasons = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        print(
            "  \(phase): \(tally.answered) answered so far, \(failures.count) failed, \(cuts.count) cut",
            reasons.joined(separator: ", "))
    }

    /// Each loss is in the log, and no other.
    private func agree(_ watch: Watch, _ logs: String, sourceLocation: SourceLocation = #_sourceLocation)
        async
    {
        let (tally, book) = (watch.load.tally, watch.book)
        let agree = await eventually {
            book.read()
            return book.failed.count == tally.failures.count + tally.cut && book.lost == tally.lost
                && book.done >= tally.answered
        }
        #expect(
            agree, "\(book.failed)\n\(tally.failures) \(tally.cuts)\n\(logs)", sourceLocation: sourceLocation)
    }

    @Test(.timeLimit(.minutes(3))) func serversComeGoDieAndHang() async throws {
        let (troop, book) = try await begin(
            ["a", "b", "c"],
            [
                "health_interval: 200ms", "health_timeout: 300ms", "first_byte_timeout: 1s", "slow_start: 0s",
                "eject_time: 1s",
            ])
        let load = try LoadClient(port: troop.proxyPort, perSecond: Self.perSecond, mix: .all)
        var watch = Watch(load: load, book: book)
        await serve(load, 200)

        let port = try RedisServer.freePort()
        let fourth = "127.0.0.1:\(port)"
        let extra = try Program(
            ["sample-app", "--port", "\(port)", "--name", "app-extra"], log: "\(troop.folder)/extra.log")
        #expect(try troop.command("a", "servers", "add", fourth).code == 0)
        #expect(await eventually { (server(troop, fourth)?.requests ?? 0) > 20 }, "\(troop.logs)")
        await explain(&watch, "added")

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
        await explain(&watch, "drained, killed and removed")

        let second = "127.0.0.1:\(try troop.member("b").appPort)"
        let app = try troop.app("b")
        app.signal(SIGKILL)
        _ = app.wait()
        await serve(load, 300)
        // Requests that it had begun to work on may have had an effect.
        await explain(&watch, "killed", .ended(server: second))
        try troop.startApp("b")
        #expect(await eventually(within: 20_000) { server(troop, second)?.healthy == true }, "\(troop.logs)")
        await serve(load, 300)
        await explain(&watch, "started again")

        let third = "127.0.0.1:\(try troop.member("c").appPort)"
        let hung = try troop.app("c")
        hung.signal(SIGSTOP)
        #expect(await eventually(within: 20_000) { server(troop, third)?.healthy == false }, "\(troop.logs)")
        await serve(load, 300)
        await explain(&watch, "hung", .hung(server: third))
        hung.signal(SIGCONT)
        #expect(await eventually(within: 20_000) { server(troop, third)?.healthy == true }, "\(troop.logs)")
        await serve(load, 300)
        await explain(&watch, "went on", .hung(server: third))

        // Slow by fits: a fifth of a second now and then is no failure of anybody's.
        for _ in 0..<10 {
            hung.signal(SIGSTOP)
            try await Task.sleep(for: .milliseconds(150))
            hung.signal(SIGCONT)
            await serve(load, 30)
        }
        let tally = load.stop()
        await explain(&watch, "slow")
        #expect(tally.answered > 1500 && tally.reconnects == 0)
        for method in LoadRequest.Method.allCases {
            #expect(tally.answeredByMethod[method, default: 0] > 300)
        }
        await agree(watch, troop.logs)
    }

    /// Requests that the good servers answer while one breaks off each answer of its own.
    private static let answeredLeast = 100

    /// In chunks the clients are answered by TLS.
    @Test(.timeLimit(.minutes(3)), arguments: Saboteur.Form.allCases)
    func answersThatBreakOffAnywhereCostNobodyElse(_ form: Saboteur.Form) async throws {
        let certificates = try TestCertificates()
        let securePort = try RedisServer.freePort()
        let (troop, book) = try await begin(
            ["a", "b"],
            [
                "eject_failures: 0", "eject_errors: 0", "slow_start: 0s", "tls:",
                "  listen: \"127.0.0.1:\(securePort)\"",
                "  certificates: [\(certificates.certificate("server"))]",
                "  keys: [\(certificates.key("server"))]",
            ])
        let saboteur = try Saboteur(form)
        defer { saboteur.stop() }
        #expect(try troop.command("a", "servers", "add", saboteur.address).code == 0)
        let trust = form == .chunks ? try LoadTrust(authority: certificates.certificate("ca")) : nil
        let load = try LoadClient(
            port: trust == nil ? troop.proxyPort : securePort, perSecond: Self.perSecond, mix: .all,
            trust: trust)
        // Once with an orderly end behind every byte, once with a reset.
        #expect(await eventually(within: 60_000) { saboteur.tally.rounds >= 2 }, "\(troop.logs)")
        let tally = load.stop()
        let seen = saboteur.tally
        var watch = Watch(load: load, book: book)
        await explain(&watch, "\(form)", .ended(server: saboteur.address))
        let broken = tally.failures.count + tally.cut
        print("  \(form): \(tally.answered) answered; \(seen.requests) at the saboteur")
        for failure in tally.failures {
            #expect(
                failure.what.hasPrefix("HTTP/1.1 502 ")
                    && (failure.what.contains(
                        "server \(saboteur.address): closed the connection without a response")
                        || failure.what.contains("server \(saboteur.address): broke its response off")),
                "\(failure)")
        }
        // Whole answers may be lost to a reset; every other request there is one failure, and none is repeated.
        // On a kept connection one that got no byte is, and a reset may take bytes along: of those only the
        // orderly round is sure.
        let least = form == .kept ? saboteur.answerBytes - 1 : seen.requests - seen.rounds - 1
        #expect(broken <= seen.requests && broken >= least, "\(broken) of \(seen.requests), \(seen.rounds)")
        #expect(tally.cut > 0 && tally.reconnects == 0)
        // A server that fails fast draws requests to itself; how many the others get is chance, that they do is not.
        #expect(tally.answered > Self.answeredLeast, "\(tally.answered) answered, \(broken) broken")
        // Whatever comes of it, a POST reaches a server once.
        #expect(seen.posts.allSatisfy { $0.value == 1 }, "\(seen.posts.filter { $0.value > 1 })")
        #expect(!seen.brokenPosts.isEmpty && seen.brokenPosts.isSubset(of: tally.lost))
        await agree(watch, troop.logs)
    }
}
