import Linux
import Testing

@testable import Proxy

/// Which servers take requests, by what is known of each.
@Suite struct RankingTests {
    /// A letter a server: passed, unchecked, failed, dead; D for a draining one that passed.
    private func ranking(_ text: String, panicPercent: Int = 50, isCold: Bool = false) throws -> Ranking {
        var entries: [RoutingTable.Entry] = []
        var ratings: [Rating] = []
        for (index, letter) in text.enumerated() {
            let address = try SocketAddress(host: "10.0.0.1", port: UInt16(index + 1))
            let server = RoutedServer(address: address, host: "h", state: letter == "D" ? .draining : .active)
            entries.append(RoutingTable.Entry(slot: index, server: server, incarnation: 1))
            let ranks: [Character: ServerRank] = ["u": .unchecked, "f": .failed, "d": .dead]
            ratings.append(Rating(rank: ranks[letter] ?? .passed))
        }
        return Ranking(entries, ratings, panicPercent: panicPercent, isCold: isCold)
    }

    @Test(arguments: [
        // While none has passed, those never checked serve; a new leader serves at once.
        ("uuu", [0, 1, 2]), ("ufu", [0, 2]),
        // From then on only those that passed do.
        ("upu", [1]), ("ppp", [0, 1, 2]), ("pDp", [0, 2]),
        // Few failures: those are left out.
        ("ppf", [0, 1]), ("ppff", [0, 1]), ("dpdf", [1]),
        // More than half fail: the checks are more likely wrong.
        ("pff", [0, 1, 2]), ("fff", [0, 1, 2]), ("fuf", [0, 1, 2]),
        // But nobody is better off at a server that is not there.
        ("dddddddddp", [9]), ("ddddddddpf", [8]), ("ddddddddpff", [8, 9, 10]), ("dddddu", [5]),
        ("ddf", [2]),
        // With nothing else left they are tried all the same.
        ("ddd", [0, 1, 2]), ("dDd", [0, 2]), ("D", []), ("", []),
    ]) func requestsGoToTheBestThereAre(_ text: String, _ expected: [Int32]) throws {
        let ranking = try ranking(text)
        #expect(ranking.order.prefix(ranking.eligible).sorted() == expected)
    }

    /// Else everything would go to the server whose first check comes in first.
    @Test(arguments: [
        ("uuuu", [0, 1, 2, 3]), ("upuu", [0, 1, 2, 3]), ("ppuu", [0, 1]), ("pppu", [0, 1, 2]),
        ("puuf", [0, 1, 2]), ("pff", [0, 1, 2]), ("pd", [0]),
    ]) func whileItIsColdMostMustHavePassed(_ text: String, _ expected: [Int32]) throws {
        let ranking = try ranking(text, isCold: true)
        #expect(ranking.order.prefix(ranking.eligible).sorted() == expected)
    }

    @Test func theBestComeFirstForSecondAttempts() throws {
        let ranking = try ranking("fdupDp")
        #expect(ranking.order == [3, 5, 2, 0, 1])
        #expect((0..<4).map { ranking.ends[$0] } == [2, 3, 4, 5])
    }

    @Test func thePanicThresholdCanBeMoved() throws {
        #expect(try ranking("pfff", panicPercent: 20).eligible == 1)
        #expect(try ranking("pfff", panicPercent: 26).eligible == 4)
        #expect(try ranking("ffff", panicPercent: 0).eligible == 4)
    }
}
