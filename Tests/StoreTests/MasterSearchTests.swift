import Testing

@testable import Store

@Suite struct MasterSearchTests {
    private typealias Endpoint = SentinelSettings.Endpoint

    private let endpoints = [
        Endpoint(host: "s1", port: 26379), Endpoint(host: "s2", port: 26379),
        Endpoint(host: "fd00::3", port: 26380),
    ]

    @Test func oneAfterTheOtherIsAskedUntilOneTells() {
        var search = MasterSearch(endpoints, order: [1, 0, 2])
        #expect(search.next == endpoints[1])
        #expect(search.take(.failed("refused")) == nil)
        #expect(search.next == endpoints[0])
        #expect(search.take(.unknown) == nil)
        let master = Endpoint(host: "10.0.0.7", port: 6379)
        #expect(search.take(.master(master)) == master)
        #expect(search.responders == [2])
        #expect(MasterSearch.order([1, 0, 2], afterAnswersOf: [2]) == [2, 1, 0])
    }

    @Test func whereItMattersHalfOfThemMustAgree() {
        #expect([1, 2, 3, 4, 5].map(MasterSearch.agreement) == [1, 1, 2, 2, 3])
        let (old, new) = (Endpoint(host: "10.0.0.7", port: 6379), Endpoint(host: "10.0.0.8", port: 6379))
        var search = MasterSearch(endpoints, order: [0, 1, 2], needed: 2)
        #expect(search.take(.master(old)) == nil)
        #expect(search.take(.master(new)) == nil)
        #expect(search.take(.master(new)) == new)
        #expect(search.responders == [0, 1, 2])
        search = MasterSearch(endpoints, order: [0, 1, 2], needed: 2)
        for answer in [.master(old), .failed("timeout"), .failed("timeout")] as [MasterSearch.Answer] {
            #expect(search.take(answer) == nil)
        }
        let why =
            "no 2 of 3 name the same: s1:26379 say 10.0.0.7:6379; s2:26379: timeout; [fd00::3]:26380: timeout"
        #expect(search.failure == .unreachable(why))
    }

    @Test func silenceAndAnUnknownNameAreToldApart() {
        var search = MasterSearch(endpoints, order: [0, 1, 2])
        for why in ["refused", "timeout", "refused"] { _ = search.take(.failed(why)) }
        #expect(search.next == nil)
        #expect(
            search.failure == .unreachable("s1:26379: refused; s2:26379: timeout; [fd00::3]:26380: refused"))
        search = MasterSearch(endpoints, order: [0, 1])
        _ = search.take(.failed("refused"))
        _ = search.take(.unknown)
        #expect(search.failure == .unknownMaster("s2:26379; silent: s1:26379: refused"))
    }

    @Test func anAnswerThatIsNoAddressIsNoAnswer() {
        func answer(_ host: String, _ port: String) -> MasterSearch.Answer {
            MasterFinder.answer(.array([.bulk(Array(host.utf8)), .bulk(Array(port.utf8))]))
        }
        #expect(answer("10.0.0.7", "6380") == .master(Endpoint(host: "10.0.0.7", port: 6380)))
        #expect(answer("fd00::7", "6380") == .master(Endpoint(host: "fd00::7", port: 6380)))
        #expect(answer("redis.example", "1") == .master(Endpoint(host: "redis.example", port: 1)))
        let bad = MasterSearch.Answer.failed("its answer is no address")
        for (host, port) in [
            ("10.0.0.7", "0"), ("10.0.0.7", "65536"), ("10.0.0.7", "x"), ("", "6379"), ("a b", "6379"),
            ("a@b", "6379"), ("h/1", "6379"), ("h?db=2", "6379"), ("a\r\nb", "6379"), ("[::1]", "6379"),
        ] {
            #expect(answer(host, port) == bad, "\(host) \(port)")
        }
        #expect(MasterFinder.answer(.null) == .unknown)
        #expect(MasterFinder.answer(.integer(3)) == bad)
        #expect(MasterFinder.answer(.array([.integer(3)])) == bad)
    }
}
