import Election
import Linux
import Testing

@Suite struct ElectionSettingsTests {
    @Test func theDefaultsFit() throws {
        let settings = try ElectionSettings(host: "a", nonce: "n")
        #expect(settings.quarantineMilliseconds == 2000)
        let deadline = settings.deadline(sent: Transcript.at(0), leaseMilliseconds: 1000)
        #expect(deadline.milliseconds(since: Transcript.at(0)) == 939)
    }

    @Test func aRenewalThatLeavesNoTimeToRetryIsRefusedWithItsNumbers() {
        let fault = #expect(throws: ElectionSettingsFault.self) {
            try ElectionSettings(host: "a", nonce: "n", ttlMilliseconds: 700)
        }
        #expect(fault?.description.contains("250 ms + 2 × command timeout 200 ms") == true)
        #expect(fault?.description.contains("= 700 ms must be less than ttl 700 ms") == true)
    }

    @Test(arguments: [Int64.min, -1, 0, 60_001, Int64.max])
    func anAbsurdNumberIsRefusedAndDoesNotOverflow(_ number: Int64) {
        func refused(_ make: () throws -> ElectionSettings) {
            #expect(throws: ElectionSettingsFault.self) { try make() }
        }
        refused { try ElectionSettings(host: "a", nonce: "n", ttlMilliseconds: number) }
        refused { try ElectionSettings(host: "a", nonce: "n", renewMilliseconds: number) }
        refused { try ElectionSettings(host: "a", nonce: "n", commandTimeoutMilliseconds: number) }
        refused { try ElectionSettings(host: "a", nonce: "n", handoverMilliseconds: number) }
        if number != 0 { refused { try ElectionSettings(host: "a", nonce: "n", marginMilliseconds: number) } }
        if number != 60_001 {
            refused { try ElectionSettings(host: "a", nonce: "n", quarantineMilliseconds: number) }
        }
    }

    @Test func aQuarantineShorterThanTheLeaseIsRefused() {
        #expect(throws: ElectionSettingsFault.self) {
            try ElectionSettings(host: "a", nonce: "n", quarantineMilliseconds: 1000)
        }
    }

    @Test(arguments: [("", "n"), ("a:b", "n"), ("a", ""), ("a", "n:1"), ("a b", "n")])
    func namesThatNoTokenCanHoldAreRefused(_ host: String, _ nonce: String) {
        #expect(throws: ElectionSettingsFault.self) { try ElectionSettings(host: host, nonce: nonce) }
    }
}
