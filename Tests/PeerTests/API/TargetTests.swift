import Testing

@testable import Peer

@Suite struct TargetTests {
    @Test func aTargetIsTakenApart() {
        let target = Target("/v1/servers/%5Bfd00::1%5D:80?count=5&empty=&flag&a=b=c")
        #expect(target?.path == "/v1/servers/[fd00::1]:80")
        #expect(target?.query == ["count": "5", "empty": "", "flag": "", "a": "b=c"])
    }

    @Test(arguments: ["/%", "/%4", "/%zz", "/%+1", "/%00", "/%ff", "/?a=%"])
    func aBrokenEncodingIsRefused(_ text: String) {
        #expect(Target(text) == nil)
    }
}
