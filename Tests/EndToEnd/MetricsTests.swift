import Fixtures
import Glibc
import Linux
import Peer
import Testing
import Transfer

/// What a running agent measures and remembers, and what `troop sample` prints.
@Suite(.serialized) struct MeasuringTests {
    private func answer(
        _ troop: Ensemble, _ name: String, _ path: String, accept: String? = nil, token: String? = nil
    ) throws -> Transfer.Answer {
        var transfer = Transfer(url: "http://127.0.0.1:\(try troop.member(name).apiPort)\(path)")
        transfer.timeoutMilliseconds = 3000
        if let accept { transfer.headers.append("Accept: \(accept)") }
        if let token { transfer.headers.append("Authorization: Bearer \(token)") }
        return try transfer.perform()
    }

    @Test(.timeLimit(.minutes(2))) func anotherHostsSampleIsAskedOfItsAgent() async throws {
        let troop = try Ensemble(["a", "b"])
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 2) }
        try #require(isUp, "\(troop.logs)")
        // The second sample is the first that knows shares.
        let knows = await eventually(within: 10_000) {
            guard let found = try? answer(troop, "a", "/v1/hosts/b/sample"), found.status == 200,
                let sample = try? JSONForm.document(SampleDocument.self, from: found.body)
            else { return false }
            return sample.cpu.busy != nil && sample.memory.totalBytes != nil
        }
        #expect(knows, "\(troop.logs)")
        #expect(try answer(troop, "a", "/v1/hosts/a/sample").status == 200)
        #expect(try answer(troop, "a", "/v1/hosts/nobody/sample").status == 404)
        // An agent that tells no address, or does not answer there, is no fault; one that tells a false one is.
        let redis = troop.redis
        _ = try redis.command("HSET", "troop:{test}:host:quiet", "address", "10.0.0.9")
        func isUnknown() throws -> Bool {
            let quiet = try answer(troop, "a", "/v1/hosts/quiet/sample")
            return quiet.status == 200 && String(decoding: quiet.body, as: UTF8.self) == "null\n"
        }
        #expect(try isUnknown())
        _ = try redis.command(
            "HSET", "troop:{test}:host:quiet", "api", "127.0.0.1:\(try RedisServer.freePort())")
        #expect(try isUnknown())
        _ = try redis.command("HSET", "troop:{test}:host:quiet", "api", "127.0.0.1:\(troop.proxyPort)")
        #expect(try answer(troop, "a", "/v1/hosts/quiet/sample").status == 502, "an application's page")
    }

    /// An agent shows its own token to the agent of the other host.
    @Test(.timeLimit(.minutes(2))) func anotherHostsSampleIsAskedWithTheToken() async throws {
        let troop = try Ensemble(["a", "b"], api: ", token_file: @.token")
        for name in ["a", "b"] { try Ensemble.write("sesame-1\n", to: "\(troop.folder)/\(name).token") }
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 2) }
        try #require(isUp, "\(troop.logs)")
        for token in [nil, "sesame-2", "sesame", ""] {
            #expect(try answer(troop, "a", "/v1/hosts/b/sample", token: token).status == 401)
        }
        let knows = await eventually(within: 10_000) {
            guard let found = try? answer(troop, "a", "/v1/hosts/b/sample", token: "sesame-1"),
                found.status == 200
            else { return false }
            return (try? JSONForm.document(SampleDocument.self, from: found.body))?.cpu.busy != nil
        }
        #expect(knows, "\(troop.logs)")
        // One that has another token is asked in vain, and that is told.
        #expect(try troop.terminateAgent("b") == 0)
        try Ensemble.write("sesame-2\n", to: "\(troop.folder)/b.token")
        try troop.startAgent("b")
        let isRefused = await eventually(within: 20_000) {
            guard let found = try? answer(troop, "a", "/v1/hosts/b/sample", token: "sesame-1") else {
                return false
            }
            return found.status == 502
                && String(decoding: found.body, as: UTF8.self).contains("it answered 401")
        }
        #expect(isRefused, "\(troop.logs)")
    }

    @Test(.timeLimit(.minutes(2))) func theGreediestProcessesAreToldWhereTheyAreAskedFor() async throws {
        let troop = try Ensemble(["a"], metrics: ", top: 50")
        try troop.startAgents()
        let busy = try Shell.start("while :; do :; done")
        func top() -> [SampleDocument.Process]? {
            guard let found = try? answer(troop, "a", "/v1/sample"), found.status == 200 else { return nil }
            return (try? JSONForm.document(SampleDocument.self, from: found.body))?.top
        }
        // Two rounds of looking, of five seconds each.
        var told: [SampleDocument.Process] = []
        let isThere = await eventually(within: 40_000) {
            try? await Task.sleep(for: .milliseconds(200))  // each question is one that the agent counts
            told = top() ?? []
            return told.contains { $0.pid == busy }
        }
        kill(busy, SIGKILL)
        waitpid(busy, nil, 0)
        #expect(isThere, "\(told)")
        #expect(told.count <= 50 && told.map(\.cores) == told.map(\.cores).sorted(by: >), "\(told)")
        let own = try #require(told.first { $0.pid == busy })
        #expect(own.name == "sh" && own.cores > 0 && own.residentBytes > 0, "\(own)")
        let isGone = await eventually(within: 40_000) {
            try? await Task.sleep(for: .milliseconds(200))
            return top()?.contains { $0.pid == busy } == false
        }
        #expect(isGone, "\(top() ?? [])")
    }

    @Test(.timeLimit(.minutes(2))) func anAgentTellsOfItselfInBothFormats() async throws {
        let troop = try Ensemble(["a"])
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 1) }
        try #require(isUp, "\(troop.logs)")
        let plain = String(decoding: try answer(troop, "a", "/metrics").body, as: UTF8.self)
        let open = String(
            decoding: try answer(
                troop, "a", "/metrics", accept: "application/openmetrics-text; version=1.0.0"
            ).body,
            as: UTF8.self)
        for line in [
            "troop_election_role{role=\"leader\"} 1", "troop_election_wins_total 1", "troop_store_up 1",
            "troop_history_hosts 1", "troop_metrics_series_left_out 0",
        ] {
            let isThere = await eventually(within: 10_000) {
                (try? answer(troop, "a", "/metrics")).map {
                    String(decoding: $0.body, as: UTF8.self).contains("\n\(line)\n")
                } ?? false
            }
            #expect(isThere, "\(line)")
        }
        #expect(plain.contains("\n# TYPE node_cpu_seconds_total counter\n") && !plain.contains("# EOF"))
        #expect(open.contains("\n# TYPE node_cpu_seconds counter\n") && open.hasSuffix("\n# EOF\n"))
        let sample = try JSONForm.document(
            SampleDocument.self, from: try answer(troop, "a", "/v1/sample").body)
        #expect(sample.cpu.cores ?? 0 >= 1 && sample.memory.totalBytes ?? 0 > 0)
        #expect(sample.top == nil, "nobody has asked for the greediest processes")

        // It times its own looks, and tells how long the last one took.
        let looked = "\ntroop_agent_sample_seconds "
        let seconds = plain.firstRange(of: looked).flatMap { range in
            Double(plain[range.upperBound...].prefix { $0 != "\n" })
        }
        #expect(try #require(seconds, "\(plain)") > 0)

        // Without Redis the metrics go on, and say so.
        troop.redis.stop()
        let isDown = await eventually(within: 20_000) {
            (try? answer(troop, "a", "/metrics")).map {
                String(decoding: $0.body, as: UTF8.self).contains("\ntroop_store_up 0\n")
            } ?? false
        }
        #expect(isDown)
    }

    @Test(.timeLimit(.minutes(2)), .enabled(if: Promtool.path != nil, "\(Promtool.need)"))
    func promtoolHasNoComplaintAboutALiveLeader() async throws {
        let troop = try Ensemble(["a"])
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 1) }
        try #require(isUp, "\(troop.logs)")
        // What comes of requests, and of the third slow look, is on the page, too.
        for _ in 0..<3 { _ = try Transfer(url: "http://127.0.0.1:\(troop.proxyPort)/").perform() }
        let isWhole = await eventually(within: 20_000) {
            try? await Task.sleep(for: .milliseconds(200))
            return (try? answer(troop, "a", "/metrics")).map {
                let page = String(decoding: $0.body, as: UTF8.self)
                return page.contains("\nnode_filesystem_size_bytes{")
                    && page.contains("\ntroop_history_hosts 1\n")
            } ?? false
        }
        #expect(isWhole)
        let page = String(decoding: try answer(troop, "a", "/metrics").body, as: UTF8.self)
        #expect(page.contains("troop_election_role{role=\"leader\"} 1\n"))
        #expect(try Promtool.complaints(about: page) == [])
    }

    @Test(.timeLimit(.minutes(1))) func sampleLooksAtThisHostAndAtCopies() throws {
        let live = try Program.run(["sample", "-o", "json", "--interval", "200ms"])
        #expect(live.code == 0)
        let sample = try JSONForm.document(SampleDocument.self, from: Array(live.output.utf8))
        #expect(sample.cpu.cores ?? 0 >= 1 && sample.load?.count == 3 && sample.processors != nil)
        #expect(sample.selfCpu == nil && sample.top == nil && sample.filesystems?.isEmpty == false)

        var template = Array("/tmp/troop-copies-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { RedisServer.removeFolder(folder) }
        for (name, busy) in [("one", 100), ("two", 400)] {
            try #require(mkdir("\(folder)/\(name)", 0o700) == 0)
            try RedisServer.write(
                "cpu0 \(busy) 0 0 1700 0 0 0 0", to: "\(folder)/\(name)/stat")
            try RedisServer.write(
                "8 0 sda 0 0 \(busy * 20) 0 0 0 0 0 0 0 0", to: "\(folder)/\(name)/diskstats")
        }
        let copies = ["--proc", "\(folder)/one", "--proc", "\(folder)/two"]
        let first = try Program.run(["sample", "-o", "json"] + copies.prefix(2))
        #expect(first.output.contains("\"busy\" : null"))
        let both = try Program.run(["sample", "-o", "json", "--interval", "2s"] + copies)
        let document = try JSONForm.document(SampleDocument.self, from: Array(both.output.utf8))
        #expect(both.code == 0 && document.cpu.busy == 1 && document.memory.used == nil)
        #expect(document.disks?.first?.readBytes == 1_536_000, "6,000 sectors in 2 s")
        // One --proc may have them all.
        let together = ["--proc", "\(folder)/one", "\(folder)/two", "--interval", "2s", "-o", "json"]
        let same = try Program.run(["sample"] + together)
        #expect(same.code == 0 && same.output.contains("\"busy\" : 1"), "\(same.output)")
        let table = try Program.run(["sample"] + copies)
        #expect(table.code == 0 && table.output.contains("100.0%") && table.output.contains("pressure cpu"))
    }

    @Test(
        arguments: [
            (["--proc", "/no such folder"], 1, "No such file"),
            (["--proc", "/etc/passwd"], 1, "is no folder"),
            (["--proc", "/etc"], 1, "holds none of stat"), (["--interval", "0s"], 64, "--interval"),
            (["--interval", "soon"], 64, "--interval"), (["--top", "51"], 64, "--top"),
            (["--top", "1", "--proc", "/proc"], 64, "--top"),
        ] as [([String], Int32, String)])
    func whatCannotBeSampledIsTold(_ arguments: [String], _ code: Int32, _ text: String) throws {
        let result = try Program.run(["sample"] + arguments)
        #expect(result.code == code && result.output.contains(text), "\(result.output)")
    }
}
