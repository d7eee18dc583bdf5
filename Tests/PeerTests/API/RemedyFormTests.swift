import Testing

@testable import Peer

/// What makes no sense to any leader is refused before one is asked.
@Suite struct RemedyFormTests {
    private func read(_ body: String) throws(FormFault) -> LeaderCommand {
        try RemedyForm.command(Array(body.utf8))
    }

    @Test(arguments: [
        (#"{"do":"gift","value":"abc"}"#, "'value' of 'gift' is 'abc'; expected how many servers, 1 to 100"),
        (#"{"do":"gift","value":"0"}"#, "1 to 100"), (#"{"do":"gift","value":"101"}"#, "1 to 100"),
        (#"{"do":"gift","value":""}"#, "1 to 100"), (#"{"do":"gift","value":"1.5"}"#, "1 to 100"),
        (#"{"do":"gift","target":"a"}"#, "'target' has no meaning for 'gift'; leave it out"),
        (#"{"do":"mode","target":"nurse"}"#, "'target' of 'mode' is 'nurse'; expected gift or doctor"),
        (#"{"do":"mode","target":"nurse","value":"observe"}"#, "expected gift or doctor"),
        (#"{"do":"mode","value":"observe"}"#, "'target' of 'mode' is missing"),
        (#"{"do":"mode","target":"gift"}"#, "'value' of 'mode' is missing"),
        (#"{"do":"mode","target":"gift","value":"Enforce"}"#, "observe, approve, enforce or default"),
        (#"{"do":"doctor"}"#, "'target' of 'doctor' is missing; expected a host's name"),
        (#"{"do":"doctor","target":"a b"}"#, "is 'a b'"), (#"{"do":"hold","target":""}"#, "is ''"),
        (#"{"do":"hold","target":"a","value":"1"}"#, "'value' has no meaning for 'hold'"),
        (#"{"do":"forget","target":"../a"}"#, "expected a host's name"),
        (#"{"do":"unhold"}"#, "'target' of 'unhold' is missing"),
        (#"{"do":"release","target":""}"#, "'target' of 'release' is ''"),
        (#"{"do":"release","target":"a","value":"b"}"#, "'value' has no meaning for 'release'"),
        (#"{"do":"drain"}"#, "expected a server's address and port, or its host"),
        (#"{"do":"undrain","target":""}"#, "expected a server's address"),
        (#"{"do":"drain","target":"a","value":"1"}"#, "'value' has no meaning for 'drain'"),
        (#"{"do":"approve"}"#, "expected an operation's id"),
        (#"{"do":"approve","target":"OP 1"}"#, "expected an operation's id"),
        (#"{"do":"cancel"}"#, "expected an operation's id"),
        (#"{"do":"cancel","target":"1-a","value":"now"}"#, "'value' has no meaning for 'cancel'"),
        (#"{"do":"monkeys-pause","target":"gift"}"#, "'target' has no meaning for 'monkeys-pause'"),
        (#"{"do":"monkeys-resume","value":"1"}"#, "'value' has no meaning for 'monkeys-resume'"),
    ])
    func aBodyThatMakesNoSenseForItsKindIsRefused(_ body: String, _ why: String) {
        do throws(FormFault) {
            let command = try read(body)
            Issue.record("\(body) was read as \(command)")
        } catch {
            #expect(error.sentence.contains(why), "\(body): \(error.sentence)")
        }
    }

    @Test(arguments: [
        #"{"do":"gift"}"#, #"{"do":"gift","value":"1"}"#, #"{"do":"gift","value":"100","reason":"fair"}"#,
        #"{"do":"mode","target":"gift","value":"approve"}"#,
        #"{"do":"mode","target":"doctor","value":"default"}"#,
        #"{"do":"doctor","target":"web-01"}"#, #"{"do":"hold","target":"web_1.example"}"#,
        #"{"do":"forget","target":"a"}"#, #"{"do":"drain","target":"10.0.0.9:3000"}"#,
        #"{"do":"undrain","target":"web-01"}"#, #"{"do":"approve","target":"7f3a-1"}"#,
        #"{"do":"monkeys-pause","reason":"a try","by":"cli:ada"}"#, #"{"do":"monkeys-resume"}"#,
        // What stands in Redis by hand is taken away under its own name.
        #"{"do":"cancel","target":"By Hand"}"#, #"{"do":"unhold","target":"by hand"}"#,
        #"{"do":"release","target":"ä"}"#,
    ])
    func whatMakesSenseIsRead(_ body: String) throws {
        #expect(throws: Never.self) { try read(body) }
    }

    /// A new kind is to say what it takes.
    @Test func everyKindIsNamedInTheRefusalOfAnUnknownOne() {
        do throws(FormFault) {
            _ = try read(#"{"do":"nothing"}"#)
            Issue.record("it was read")
        } catch {
            for kind in LeaderCommand.Kind.allCases where kind != .switchover {
                #expect(error.sentence.contains(kind.rawValue))
            }
        }
    }
}
