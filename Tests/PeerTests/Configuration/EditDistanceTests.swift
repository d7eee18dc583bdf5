import Testing

@testable import Peer

@Suite struct EditDistanceTests {
    @Test(arguments: [
        ("", "", 0), ("ttl", "ttl", 0), ("tll", "ttl", 1), ("ttl", "tl", 1), ("renwe", "renew", 1),
        ("listen", "lisen", 1), ("abc", "", 3), ("", "abc", 3), ("kitten", "sitting", 3),
    ])
    func aDistanceCountsLetters(_ left: String, _ right: String, _ distance: Int) {
        #expect(editDistance(left, right) == distance)
        #expect(editDistance(right, left) == distance)
    }
}
