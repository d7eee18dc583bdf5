import Election
import Testing

@Suite struct LeaseTests {
    @Test func aTokenGoesBothWays() throws {
        let lease = try #require(Lease(host: "web-1.example_x", nonce: "a1B2", epoch: 1_763_900_000_001))
        #expect(lease.token == "web-1.example_x:a1B2:1763900000001")
        #expect(Lease(token: lease.token) == lease)
    }

    @Test(arguments: [
        "", "a", "a:b", "a:b:", ":b:1", "a::1", "a:b:1:2", "a:b:01", "a:b:0", "a:b:-1", "a:b:+1", "a:b: 1",
        "a:b:1 ",
        "a:b:1\n", "a b:c:1", "a:b-c:1", "a:b:2251799813685249", "a:b:99999999999999999999", "a:b:１", "ä:b:1",
        "a:b:0x10", String(repeating: "h", count: 64) + ":n:1",
        "h:" + String(repeating: "n", count: 65) + ":1",
    ])
    func whatIsNoTokenIsTold(_ text: String) {
        #expect(Lease(token: text) == nil)
    }

    @Test func theLargestEpochIsAToken() {
        #expect(Lease(token: "a:b:2251799813685248")?.epoch == Lease.epochMax)
    }
}
