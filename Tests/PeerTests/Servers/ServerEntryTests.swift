import Linux
import Peer
import Proxy
import Testing

@Suite struct ServerEntryTests {
    private let field = "10.0.0.9:3000"

    @Test(arguments: ["", " ", "\n"])
    func anEmptyValueMeansDefaults(_ value: String) throws {
        let entry = try ServerEntry(field: field, value: value)
        #expect(entry == ServerEntry(address: try SocketAddress(field)))
        #expect(entry.state == .active)
        #expect(entry.weight == 100)
    }

    @Test func everyPartIsRead() throws {
        let value =
            #"{"host":"b","state":"draining","weight":7,"reason":"sick","by":"cli:ann","since":1763900000001}"#
        let entry = try ServerEntry(field: field, value: value)
        #expect(
            entry
                == ServerEntry(
                    address: try SocketAddress(field), host: "b", state: .draining, weight: 7, reason: "sick",
                    by: "cli:ann", since: 1_763_900_000_001))
    }

    @Test func anEntrySurvivesItsOwnValue() throws {
        let entry = ServerEntry(
            address: try SocketAddress(field), host: "b", state: .out, weight: 256,
            reason: "a \"quote\" / slash",
            by: "agent", since: 5)
        #expect(try ServerEntry(field: field, value: entry.value) == entry)
    }

    @Test func unknownKeysAreLeftAlone() throws {
        #expect(try ServerEntry(field: field, value: #"{"colour":"blue"}"#).weight == 100)
    }

    @Test(arguments: [
        "{", "[]", "1", "null", #"{"weight":0}"#, #"{"weight":257}"#, #"{"weight":"7"}"#, #"{"weight":1.5}"#,
        #"{"state":"Active"}"#, #"{"state":1}"#, #"{"host":[]}"#, String(repeating: "x", count: 5000),
    ])
    func aMalformedValueIsRefused(_ value: String) {
        #expect(throws: ServerEntryFault.self) { try ServerEntry(field: field, value: value) }
    }

    @Test(arguments: ["", "web:80", "10.0.0.9", "10.0.0.9:0"])
    func aMalformedFieldIsRefused(_ field: String) {
        #expect(throws: ServerEntryFault.self) { try ServerEntry(field: field, value: "") }
    }

    @Test(arguments: [
        ("0.0.0.0:80", "0.0.0.0 is where a program listens"), ("[::]:80", ":: is where a program listens"),
        ("[::ffff:0.0.0.0]:80", "0.0.0.0 is where a program listens"),
        ("255.255.255.255:80", "the broadcast address"), ("224.0.0.1:80", "a multicast address"),
        ("[ff02::1]:80", "a multicast address"), ("10.0.0.1:0", "bad port"),
    ])
    func anAddressThatNobodyCanReachIsRefused(_ field: String, _ why: String) {
        #expect {
            _ = try ServerEntry(field: field, value: "")
        } throws: { error in
            "\(error)".contains(why)
        }
    }

    @Test func aMappedAddressIsTheIPv4One() throws {
        #expect(try ServerEntry(field: "[::ffff:10.0.0.9]:3000", value: "").address.description == field)
    }
}
