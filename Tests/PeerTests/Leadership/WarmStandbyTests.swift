import Testing

@testable import Peer

@Suite struct WarmStandbyTests {
    @Test func everyHostOfASmallTroopIsWarm() {
        #expect(WarmStandby.includes("a", among: []))
        #expect(WarmStandby.includes("z", among: ["a", "b", "c", "d"]))
    }

    @Test func ofALargerOneTheFirstThreeAre() {
        let names = ["a", "b", "c", "d", "e", "f"]
        let warm = names.filter { name in WarmStandby.includes(name, among: names.filter { $0 != name }) }
        #expect(warm == ["a", "b", "c"])
    }
}
