import Linux
import Remediation
import Testing

@Suite struct PolicyTests {
    // MARK: - Gift

    @Test func heatThatLastsBringsAServer() throws {
        let series = Series(rows: ["a": Series.flat(83, 90), "b": Series.flat(83, 90)])
        let first = try #require(series.gifts(GiftSettings()).first)
        #expect((50...70).contains(first.second))
        #expect(first.wish == .launch(count: 1, reason: "mean cpu 83 % over 70 % for 60 s"))
    }

    @Test(arguments: [
        // A spike of forty seconds.
        Series.flat(20, 30) + Series.flat(95, 40) + Series.flat(20, 60),
        // Two cool windows of six.
        (0..<20).flatMap { _ in Series.flat(95, 20) + Series.flat(10, 10) },
        // Just below.
        Series.flat(69, 200),
    ])
    func whatDoesNotLastBringsNone(row: [Int?]) {
        #expect(Series(rows: ["a": row, "b": row]).gifts(GiftSettings()).isEmpty)
    }

    @Test func oneCoolWindowOfSixIsForgiven() {
        // Aligned with the windows: ten seconds cool in the middle of the minute.
        let row = Series.flat(90, 30) + Series.flat(10, 10) + Series.flat(90, 40)
        #expect(!Series(rows: ["a": row]).gifts(GiftSettings()).isEmpty)
    }

    @Test func theLastWindowMustBeHotToo() {
        let row = Series.flat(90, 50) + Series.flat(10, 100)
        let wishes = Series(rows: ["a": row]).gifts(GiftSettings())
        #expect(wishes.allSatisfy { $0.second < 60 })
    }

    @Test func silenceAndFrozenReportsAreNoHeat() {
        let silent = Series.flat(95, 15) + Series.flat(nil, 100)
        #expect(Series(rows: ["a": silent, "b": silent]).gifts(GiftSettings()).isEmpty)
        var frozen = Series(rows: ["a": Series.flat(95, 200), "b": Series.flat(95, 200)])
        frozen.frozen = ["a": 12, "b": 12]
        #expect(frozen.gifts(GiftSettings()).isEmpty)
    }

    @Test func hostsThatTakeNoRequestsDoNotCount() {
        var series = Series(rows: [
            "a": Series.flat(95, 120), "b": Series.flat(10, 120), "c": Series.flat(10, 120),
        ])
        #expect(series.gifts(GiftSettings()).isEmpty)
        series.states = ["b": .out, "c": .draining]
        #expect(!series.gifts(GiftSettings()).isEmpty)
    }

    @Test func aFleetStaysHotUntilItIsCalm() {
        let row = Series.flat(85, 70) + Series.flat(65, 60) + Series.flat(55, 60)
        var policy = GiftPolicy(GiftSettings())
        let series = Series(rows: ["a": row])
        let thoughts = (0..<series.seconds).map {
            policy.look(at: series.view(at: $0), now: Series.instant($0))
        }
        #expect(thoughts[69].isHot && thoughts[125].isHot)
        #expect(thoughts[125].wish == nil)
        #expect(!thoughts[185].isHot)
    }

    @Test func anIdleFleetGivesItsNewestBack() throws {
        var settings = GiftSettings()
        settings.scaleIn = true
        settings.idleMilliseconds = 60_000
        let idle = Series.flat(5, 100)
        let series = Series(rows: ["a": idle, "gift-1": idle, "gift-2": idle])
        let wish = try #require(series.gifts(settings).first?.wish)
        #expect(wish.host == "gift-2")
        settings.min = 3
        #expect(series.gifts(settings).isEmpty)
        #expect(
            Series(rows: ["a": idle, "b": idle]).gifts(settings).isEmpty, "people's own servers are theirs")
    }

    // MARK: - Doctor

    @Test func oneHotHostIsIll() throws {
        let series = Series(rows: [
            "a": Series.flat(98, 90), "b": Series.flat(30, 90), "c": Series.flat(30, 90),
            "leader": Series.flat(20, 90),
        ])
        let thought = try #require(series.diagnoses(DoctorSettings()).last)
        #expect(thought.storm == nil)
        #expect(
            thought.wishes == [.heal(host: "a", server: "a:3000", reason: "cpu of a 98 % over 90 % for 60 s")]
        )
    }

    @Test func aHostServesByTheEntryThatItsAgentNames() {
        func host(_ name: String, _ server: String?) -> FleetView.Host {
            FleetView.Host(
                name: name, seq: "1", isFresh: true, busy: 0, server: server)
        }
        let view = FleetView(
            hosts: [
                host("a", "10.0.0.9:80"), host("b", "10.0.0.2:80"), host("c", "10.0.0.3:80"),
                host("d", "10.0.0.1:80"), host("e", nil),
            ],
            servers: [
                FleetView.Server(address: "10.0.0.1:80", host: "a"),  // where it was before
                FleetView.Server(address: "10.0.0.9:80", host: "a"),
                FleetView.Server(address: "10.0.0.2:80", host: ""),  // by hand
                FleetView.Server(address: "10.0.0.3:80", host: "gone"),  // the name of before
                FleetView.Server(address: "10.0.0.5:80", host: "e", state: .out),
            ], leader: "z")
        let wanted = [
            "a": "10.0.0.9:80", "b": "10.0.0.2:80", "c": "10.0.0.3:80", "d": nil, "e": "10.0.0.5:80",
            // Those that do not report.
            "gone": "10.0.0.3:80", "z": nil,
        ]
        for (host, address) in wanted { #expect(view.server(of: host)?.address == address, "\(host)") }
        for (place, host) in view.hosts.enumerated() {
            #expect(view.server(at: place)?.address == wanted[host.name] ?? nil, "\(host.name)")
        }
    }

    @Test func manyHotHostsAreAStorm() throws {
        let hot = Series.flat(97, 90)
        let series = Series(rows: ["a": hot, "b": hot, "c": Series.flat(10, 90), "d": Series.flat(10, 90)])
        #expect(series.diagnoses(DoctorSettings()).last?.storm != nil)
        let all = Series(rows: ["a": hot, "b": Series.flat(75, 90), "c": Series.flat(75, 90)])
        let thought = try #require(all.diagnoses(DoctorSettings()).last)
        #expect(thought.hot.map(\.host) == ["a"])
        #expect(thought.storm?.contains("fleet") == true)
    }

    @Test func whoIsLeftHotByAStormIsNoPatientYet() throws {
        var settings = DoctorSettings()
        settings.holdMilliseconds = 60_000
        let series = Series(rows: [
            "a": Series.flat(97, 200), "b": Series.flat(97, 90) + Series.flat(10, 110),
            "c": Series.flat(10, 200), "d": Series.flat(10, 200),
        ])
        let thoughts = series.diagnoses(settings)
        #expect(thoughts[89].storm != nil)
        let cooled = try #require(thoughts[90...].firstIndex { $0.hot.map(\.host) == ["a"] })
        #expect(thoughts[cooled].storm != nil && thoughts[cooled + 30].storm != nil)
        #expect(thoughts[199].storm == nil && thoughts[199].wishes.map(\.host) == ["a"])
    }

    @Test func theLeaderIsNeverTreated() throws {
        let series = Series(rows: [
            "leader": Series.flat(99, 90), "b": Series.flat(10, 90), "c": Series.flat(10, 90),
        ])
        let thought = try #require(series.diagnoses(DoctorSettings()).last)
        #expect(thought.wishes.isEmpty)
        #expect(thought.hotLeader != nil)
    }

    @Test func aProbeMustConfirmWhereThatIsAsked() {
        var settings = DoctorSettings()
        settings.confirm = .cpuAndProbe
        var series = Series(rows: [
            "a": Series.flat(99, 90), "b": Series.flat(10, 90), "c": Series.flat(10, 90),
        ])
        #expect(series.diagnoses(settings).last?.wishes.isEmpty == true)
        series.health = ["a": false]
        #expect(series.diagnoses(settings).last?.wishes.count == 1)
    }

    @Test func aHostThatIsGoneIsTreatedOnlyByOption() {
        var settings = DoctorSettings()
        var series = Series(rows: [
            "a": Series.flat(10, 5) + Series.flat(nil, 120), "b": Series.flat(10, 125),
            "c": Series.flat(10, 125),
        ])
        series.health = ["a": false]
        #expect(series.diagnoses(settings).last?.wishes.isEmpty == true)
        settings.unreachable = true
        #expect(series.diagnoses(settings).last?.wishes.isEmpty == true, "only the leader says so")
        #expect(series.diagnoses(settings).last?.gone == ["a"])
        series.words = ["a": ["b"]]
        #expect(series.diagnoses(settings).last?.wishes.isEmpty == true, "two must say so")
        series.words = ["a": ["b", "c"]]
        #expect(series.diagnoses(settings).last?.wishes.map(\.host) == ["a"])
    }

    @Test func aServerThatAPersonPutOutIsLeftAlone() {
        var series = Series(rows: [
            "a": Series.flat(99, 90), "b": Series.flat(10, 90), "c": Series.flat(10, 90),
        ])
        series.states = ["a": .out]
        #expect(series.diagnoses(DoctorSettings()).last?.wishes.isEmpty == true)
    }

    /// Hosts come and go and in another order each time; what each did stays its own.
    @Test func heatIsRememberedByHostAndNotByPlace() {
        let names = (0..<40).map { "h\($0)" }
        let servers = names.map { FleetView.Server(address: "\($0):80", host: $0) }
        var doctor = DoctorPolicy(DoctorSettings())
        var hot: [String] = []
        for second in 0..<90 {
            // h7 and h8 are ill; h8 is away for a second, and begins anew.
            let present = names.filter { $0 != "h8" || second != 60 }
            let turned = Array(present.dropFirst(second % 39) + present.prefix(second % 39))
            let hosts = (second.isMultiple(of: 2) ? turned : turned.reversed()).map { name in
                FleetView.Host(
                    name: name, seq: "\(second)", isFresh: true,
                    busy: name == "h7" || name == "h8" ? 0.99 : 0.2)
            }
            let view = FleetView(hosts: hosts, servers: servers, leader: "h0")
            hot = doctor.look(at: view, fleetIsHot: false, now: Series.instant(second)).hot.map(\.host)
        }
        #expect(hot == ["h7"])
    }

    /// Ten thousand hosts; the time is printed, not judged: machines differ.
    @Test func decidesForTenThousandHosts() {
        let names = (0..<10_000).map { "host-\($0)" }
        let servers = names.map { FleetView.Server(address: "10.0.0.1:\($0)", host: $0) }
        var gift = GiftPolicy(GiftSettings())
        var doctor = DoctorPolicy(DoctorSettings())
        var longest: Int64 = 0
        for second in 0..<20 {
            let hosts = names.map { FleetView.Host(name: $0, seq: "\(second)", isFresh: true, busy: 0.5) }
            let view = FleetView(hosts: hosts, servers: servers, leader: "host-0")
            let begin = Instant.now()
            let thought = gift.look(at: view, now: Series.instant(second))
            _ = doctor.look(at: view, fleetIsHot: thought.isHot, now: Series.instant(second))
            longest = max(longest, Instant.now().nanoseconds - begin.nanoseconds)
        }
        print("  a decision for 10,000 hosts took at most \(longest / 1000) µs")
        #expect(
            gift.look(at: FleetView(hosts: [], servers: [], leader: ""), now: Series.instant(99)).wish == nil)
    }
}
