import Linux
import Peer
import Proxy
import Testing

@Suite struct ServerListTests {
    private let one = "10.0.0.1:80"
    private let two = "10.0.0.2:80"

    private func list(_ fields: [String: String], generation: String? = "g") -> ServerList {
        var list = ServerList()
        _ = list.take(ServerList.Reading(fields: fields, generation: generation))
        return list
    }

    private func address(_ text: String) throws -> SocketAddress { try SocketAddress(text) }

    @Test func anEntryAddedByHandIsSeen() throws {
        var list = list([one: ""])
        let outcome = list.take(.init(fields: [one: "", two: ""], generation: "g"))
        #expect(outcome == .changed(added: [try address(two)], removed: [], altered: []))
    }

    @Test func anEntryRemovedByHandIsGone() throws {
        var list = list([one: "", two: ""])
        let outcome = list.take(.init(fields: [two: ""], generation: "g"))
        #expect(outcome == .changed(added: [], removed: [try address(one)], altered: []))
    }

    @Test func theSameReadingChangesNothing() {
        var list = list([one: ""])
        #expect(list.take(.init(fields: [one: ""], generation: "g")) == .unchanged)
    }

    @Test func aMalformedValueLeavesTheLastGoodOneInForce() throws {
        var list = list([one: #"{"weight":7}"#])
        #expect(list.take(.init(fields: [one: "{weight"], generation: "g")) == .unchanged)
        #expect(list.entries[try address(one)]?.weight == 7)
        #expect(list.faults.keys.sorted() == [one])
    }

    @Test func aMalformedValueThatWasNeverGoodIsNotRoutedTo() {
        let list = list([one: "{weight"])
        #expect(list.entries.isEmpty)
        #expect(list.faults.count == 1)
    }

    @Test func aMendedValueEndsTheFault() throws {
        var list = list([one: "{weight"])
        _ = list.take(.init(fields: [one: ""], generation: "g"))
        #expect(list.faults.isEmpty)
        #expect(list.entries[try address(one)] != nil)
    }

    @Test func aWipedStoreLeavesTheWholeListInForce() {
        var list = list([one: "", two: ""])
        #expect(list.take(.init(fields: [:], generation: nil)) == .unchanged)
        #expect(list.isLost)
        #expect(list.entries.count == 2)
    }

    @Test func aWipedStoreStillGainsServers() throws {
        var list = list([one: ""])
        let outcome = list.take(.init(fields: [two: ""], generation: nil))
        #expect(outcome == .changed(added: [try address(two)], removed: [], altered: []))
        #expect(list.entries.count == 2)
    }

    @Test func aListThatIsGoneAtOnceIsLostAndStaysInForce() {
        var list = list([one: "", two: #"{"state":"out"}"#])
        #expect(list.take(.init(fields: [:], generation: "g")) == .unchanged)
        #expect(list.isLost)
        #expect(list.entries.values.contains { $0.state == .out })
    }

    @Test func aListWhoseLastEntryWasRemovedIsEmpty() {
        var list = list([one: ""])
        _ = list.take(.init(fields: [:], generation: "g"))
        #expect(list.entries.isEmpty)
        #expect(!list.isLost)
    }

    @Test func anotherSpellingOfAnAddressIsTheSameServer() throws {
        let list = list(["[FD00::1]:80": ""])
        #expect(list.entries[try address("[fd00::1]:80")] != nil)
    }

    // MARK: A store that went back in time

    /// A list that was read whole from run `r1`, then lost an entry and had another's state changed.
    private func current() -> ServerList {
        var list = ServerList()
        _ = list.take(.init(fields: [one: "", two: ""], generation: "t r1", runID: "r1"))
        _ = list.take(
            .init(fields: [two: #"{"state":"out"}"#], generation: "t r1", runID: "r1"))
        return list
    }

    @Test func aMarkerOfAnotherRunMeansAnOlderList() throws {
        var list = current()
        let outcome = list.take(.init(fields: [one: "", two: ""], generation: "t r1", runID: "r2"))
        #expect(outcome == .unchanged)
        #expect(list.loss == .rewound)
        #expect(list.entries.keys.map(\.description) == [two])
        #expect(list.entries[try address(two)]?.state == .out)
        let changed = try #require(list.entries[try address(two)])
        #expect(
            list.restoration == [
                .replace(field: two, changed), .remove(field: one, value: ""),
            ])
    }

    @Test func whatAnOlderStoreLacksIsAddedAndWhatNobodyRemovedStays() throws {
        var list = current()
        let three = "10.0.0.3:80"
        let outcome = list.take(.init(fields: [three: ""], generation: "t r1", runID: "r2"))
        #expect(outcome == .changed(added: [try address(three)], removed: [], altered: []))
        let missing = try #require(list.entries[try address(two)])
        #expect(list.restoration == [.add(missing)])
    }

    @Test func aListFromDiskIsNoBetterThanTheStoresButFillsItsGaps() throws {
        let stored = try ServerEntry(field: one, value: #"{"state":"out"}"#)
        let missing = try ServerEntry(field: two, value: "")
        var list = ServerList(entries: [stored, missing], generation: "t r1")
        _ = list.take(.init(fields: [one: ""], generation: "t r1", runID: "r2"))
        #expect(list.entries[try address(one)]?.state == .active)
        #expect(list.restoration == [.add(missing)])
    }

    /// A command that was held up may arrive in a store that was wiped once more: it names all there is.
    @Test func aRestorationOfAWipedStoreNamesTheWholeList() throws {
        var list = ServerList(
            entries: [try ServerEntry(field: one, value: ""), try ServerEntry(field: two, value: "")])
        _ = list.take(.init(fields: [one: ""], generation: nil, runID: "r2"))
        let arguments = list.restoreArguments(token: "t")
        #expect(arguments.prefix(3) == ["t", "", "t r2"])
        let added = stride(from: 3, to: arguments.count, by: 3).filter { arguments[$0] == "add" }
        #expect(Set(added.map { arguments[$0 + 1] }) == [one, two])
    }

    /// It was changed, then removed; Redis comes back with it as it was before either. What was added since then stays.
    @Test func anEntryOlderThanTheRemovedOneStaysAway() throws {
        var list = ServerList()
        let old = #"{"since":100}"#
        let changed = #"{"since":200,"state":"out"}"#
        for fields in [[one: "", two: old], [one: "", two: changed], [one: ""]] {
            _ = list.take(.init(fields: fields, generation: "t r1", runID: "r1"))
        }
        // Its agent starts anew meanwhile.
        list = ServerList(list.content)
        _ = list.take(.init(fields: [one: ""], generation: "t r1", runID: "r1"))
        _ = list.take(.init(fields: [one: "", two: old], generation: "t r1", runID: "r2"))
        #expect(list.entries[try address(two)] == nil)
        #expect(list.restoration == [.remove(field: two, value: old)])
        _ = list.take(.init(fields: [one: "", two: #"{"since":300}"#], generation: "t r1", runID: "r2"))
        #expect(list.entries[try address(two)] != nil)
    }

    /// Hosts and Redis came up together after a loss of power: the agent registered before it knew that its server is out.
    @Test func aMereRegistrationInAWipedStoreDoesNotUndoAPersonsWord() throws {
        let known = try ServerEntry(field: one, value: #"{"state":"out","by":"cli:ann"}"#)
        var list = ServerList(entries: [known], generation: "t r1")
        _ = list.take(
            .init(
                fields: [one: #"{"by":"agent"}"#, two: #"{"state":"out","by":"cli:bob"}"#], generation: nil,
                runID: "r2"))
        #expect(list.entries[try address(one)] == known)
        #expect(list.entries[try address(two)]?.state == .out)
        #expect(list.restoration == [.replace(field: one, known)])
    }

    @Test func aListThatWasVouchedForInThisRunIsNotLost() {
        var list = current()
        let marker = ServerList.marker(token: "t", runID: "r2")
        _ = list.take(.init(fields: [one: ""], generation: marker, runID: "r2"))
        #expect(list.loss == nil)
        #expect(list.restoration.isEmpty)
    }

    @Test func aStoreThatTellsNoRunIDIsTakenAtItsWord() {
        var list = current()
        _ = list.take(.init(fields: [one: ""], generation: "t r1", runID: nil))
        #expect(list.loss == nil)
    }

    @Test func aMarkerWrittenByHandIsReplacedWhateverItIs() {
        var list = ServerList()
        _ = list.take(.init(fields: [one: ""], generation: "\u{FFFD}", runID: "r1"))
        #expect(list.loss == .rewound)
        #expect(list.replacedMarker == "*")
    }

    @Test(arguments: ["[::ffff:10.0.0.1]:80", "10.0.0.1:080"])
    func twoSpellingsOfOneAddressAreOneServerAndAFault(_ other: String) throws {
        let list = list([one: #"{"weight":7}"#, other: #"{"weight":9}"#])
        #expect(list.entries.count == 1)
        #expect(list.entries[try address(one)]?.weight == 7)
        #expect(list.faults.keys.sorted() == [other])
    }

    @Test func anAddressThatNobodyCanReachIsAFault() {
        let list = list([one: "", "0.0.0.0:80": "", "224.0.0.1:80": ""])
        #expect(list.sorted.map(\.address.description) == [one])
        #expect(list.faults.keys.sorted() == ["0.0.0.0:80", "224.0.0.1:80"])
    }
}
