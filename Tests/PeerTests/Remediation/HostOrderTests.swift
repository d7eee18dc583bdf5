import Glibc
import Linux
import Remediation
import Testing

@testable import Peer

@Suite struct HostOrderTests {
    private func fields(_ change: [String: String] = [:]) -> [String: String] {
        [
            "id": "op1.0.reboot", "operation": "op1", "kind": "reboot", "epoch": "7", "not_after": "1000",
        ].merging(change) { $1 }
    }

    @Test func whatIsNoOrderIsLeftAlone() {
        #expect(HostOrder(fields: fields()) != nil)
        for (name, value) in [
            ("id", "op2.0.reboot"), ("id", ""), ("operation", "../x"), ("kind", "rm"), ("epoch", "-1"),
            ("epoch", "x"),
            ("not_after", "soon"),
        ] {
            #expect(HostOrder(fields: fields([name: value])) == nil, "\(name)=\(value)")
        }
        #expect(HostOrder(fields: [:]) == nil)
    }

    @Test func anOrderIsTakenOnceAndNeverFromAnOlderEpoch() throws {
        var book = OrderBook()
        let order = try #require(HostOrder(fields: fields()))
        #expect(book.objection(to: order) == nil)
        book.take(order)
        #expect(book.objection(to: order) != nil)
        let stale = try #require(
            HostOrder(fields: fields(["id": "op0.0.reboot", "operation": "op0", "epoch": "6"])))
        #expect(book.objection(to: stale)?.contains("older") == true)
        let next = try #require(HostOrder(fields: fields(["id": "op2.0.reboot", "operation": "op2"])))
        #expect(book.objection(to: next) == nil)
    }

    @Test func establishedConnectionsToAPortAreCounted() {
        let table = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
               1: 0100007F:0BB8 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 2 1
               2: 0100007F:D431 0100007F:0BB8 01 00000000:00000000 00:00000000 00000000     0        0 3 1
               3: 0100007F:0BB8 0100007F:D432 06 00000000:00000000 00:00000000 00000000     0        0 4 1
            """
        #expect(Connections.count(in: table, 3000) == 1)
        #expect(Connections.count(in: table, 54321) == 1)
        #expect(Connections.count(in: "", 3000) == 0)
        #expect(Connections.count(to: 1) != nil)
    }

    @Test func aHostCommandTellsWhatWentWrong() async {
        #expect(await HostCommand.run(["true"], environment: [:]) == nil)
        #expect(
            await HostCommand.run(["/bin/sh", "-c", "echo no; exit 3"], environment: [:])?.contains(
                "status 3: no") == true)
        #expect(
            await HostCommand.run(["/nonexistent/x"], environment: [:])?.contains("/nonexistent/x") == true)
    }

    @Test func switchesAreReadAsPeopleWriteThem() {
        let switches = RemediationSwitches(fields: [
            "monkeys": #"{"reason":"work","by":"cli:root","since":1}"#, "gift_mode": "enforce",
            "doctor_mode": "wild",
            "hold:a": "by hand", "quarantine:b": "two remedies failed", "doctor_handover": "c 5",
            "commands_cursor": "1-0",
        ])
        #expect(switches.monkeys == "work (cli:root)")
        #expect(switches.giftMode == .enforce && switches.doctorMode == nil && switches.faults.count == 1)
        #expect(switches.holds == ["a": "by hand"] && switches.quarantine == ["b": "two remedies failed"])
        #expect(switches.handover?.host == "c")
    }

    @Test func commandsAboutRemediesAreReadStrictly() throws {
        #expect(try RemedyForm.command(Array(#"{"do":"gift","value":"2"}"#.utf8)).kind == .gift)
        for body in [
            "", "[]", #"{"do":"switchover"}"#, #"{"do":"gift","x":"y"}"#,
            #"{"do":"gift","reason":"a\u0007"}"#,
        ] {
            #expect(throws: FormFault.self, "\(body)") { try RemedyForm.command(Array(body.utf8)) }
        }
    }
}
