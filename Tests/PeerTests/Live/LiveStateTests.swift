import Testing

@testable import Peer

@Suite struct LiveStateTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    private func state(_ hosts: String, head: String = "\"cluster\":\"x\"") -> LiveState {
        LiveState(status: bytes("{\(head),\"hosts\":[\(hosts)],\"servers\":[]}"))
    }

    private func change(_ old: LiveState, _ new: LiveState) -> String? {
        new.change(since: old, atMs: 7).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func jsonIsTakenApartWhateverItsTextsHold() {
        let text = #"{"a":"},{\"]","b":[1,{"c":"\\"},[]],"d":{}}"#
        let members = JSONMembers.members(of: bytes(text)[...])
        #expect(members.map(\.name) == ["a", "b", "d"])
        #expect(String(decoding: members[0].value, as: UTF8.self) == #""},{\"]""#)
        let elements = JSONMembers.elements(of: members[1].value)
        #expect(elements.map { String(decoding: $0, as: UTF8.self) } == ["1", #"{"c":"\\"}"#, "[]"])
        #expect(JSONMembers.members(of: bytes("{}")[...]).isEmpty)
        #expect(JSONMembers.elements(of: bytes("7")[...]).isEmpty)
    }

    @Test func onlyWhatChangedIsTold() {
        let old = state(#"{"cpu":0.1,"name":"a","state":"up"},{"cpu":0.2,"name":"b","state":"up"}"#)
        let new = state(#"{"cpu":0.1,"name":"a","state":"up"},{"cpu":0.3,"name":"b","state":"up"}"#)
        #expect(change(old, new) == #"{"at_ms":7,"hosts":{"b":{"cpu":0.3}}}"#)
        #expect(change(new, new) == nil)
    }

    @Test func whoIsGoneIsNullAndWhoIsNewIsWhole() {
        let old = state(#"{"cpu":0.1,"name":"a","state":"up"}"#)
        let new = state(#"{"cpu":0.1,"name":"b","state":"up"}"#)
        #expect(
            change(old, new) == #"{"at_ms":7,"hosts":{"b":{"cpu":0.1,"name":"b","state":"up"},"a":null}}"#)
    }

    @Test func aReportsAgeAloneIsToldOnlyOfHostsThatAreLate() {
        for (word, isTold) in [("up", false), ("lost", true)] {
            let old = state(#"{"name":"a","report_age_ms":100,"state":"\#(word)"}"#)
            let new = state(#"{"name":"a","report_age_ms":900,"state":"\#(word)"}"#)
            #expect((change(old, new) != nil) == isTold, "\(word)")
        }
    }

    @Test func hostileNamesStayOneKeyOfTheirOwn() throws {
        let hostile = #"{"name":"\"},{\"x\":\n</script>","state":"up"}"#
        let snapshot = state(hostile).snapshot(atMs: 1)
        let members = JSONMembers.members(of: snapshot[...])
        #expect(members.map(\.name) == ["at_ms", "head", "hosts", "servers", "sections", "stale"])
        #expect(JSONMembers.members(of: members[2].value).count == 1)
        #expect(!snapshot.contains(UInt8(ascii: "\n")))
    }

    @Test func sectionsComeAndGo() {
        var old = state("")
        var new = old
        new.sections["flags"] = bytes("{\"flags\":[]}")
        #expect(change(old, new) == #"{"at_ms":7,"sections":{"flags":{"flags":[]}}}"#)
        old = new
        new.sections["flags"] = nil
        #expect(change(old, new) == #"{"at_ms":7,"sections":{"flags":null}}"#)
    }

    @Test func whatIsStaleIsToldAsAWhole() {
        var old = state("")
        var new = old
        for name in ["flags", "events"] { new.stale[name] = bytes(#"{"error":"x","read_at_ms":5}"#) }
        #expect(
            change(old, new)
                == #"{"at_ms":7,"stale":{"events":{"error":"x","read_at_ms":5},"flags":{"error":"x","read_at_ms":5}}}"#
        )
        #expect(change(new, new) == nil)
        old = new
        new.stale = [:]
        #expect(change(old, new) == #"{"at_ms":7,"stale":{}}"#)
    }
}

@Suite struct ChangeRingTests {
    @Test func whoComesBackSoonGetsWhatWasMissed() {
        var ring = ChangeRing(run: "r")
        #expect(ring.events(after: "r-0")?.isEmpty == true)
        let first = ring.add(Array("{}".utf8))
        let second = ring.add(Array("{\"a\":1}".utf8))
        #expect(String(decoding: second, as: UTF8.self) == "event: change\nid: r-2\ndata: {\"a\":1}\n\n")
        #expect(ring.events(after: "r-0") == [first, second])
        #expect(ring.events(after: "r-1") == [second])
        #expect(ring.events(after: "r-2")?.isEmpty == true)
    }

    @Test func whoComesBackLateOrFromElsewhereGetsEverything() {
        var ring = ChangeRing(run: "r")
        for _ in 0..<(ChangeRing.countMax + 5) { _ = ring.add([1]) }
        #expect(ring.events(after: "r-4") == nil)
        #expect(ring.events(after: "r-5")?.count == ChangeRing.countMax)
        for strange in ["", "r", "r-", "r-x", "s-7", "r-9999", "r--1", "r-1-2", "-5"] {
            #expect(ring.events(after: strange) == nil, "\(strange)")
        }
    }

    @Test func theRingIsBoundedInBytes() {
        var ring = ChangeRing(run: "r")
        for _ in 0..<10 { _ = ring.add([UInt8](repeating: 1, count: ChangeRing.bytesMax / 4)) }
        #expect(ring.events(after: "r-5") == nil)
        #expect(ring.events(after: "r-8")?.count == 2)
    }
}
