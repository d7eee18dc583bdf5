import Proxy
import Testing

@testable import Peer

@Suite struct ServerFormTests {
    private func sentence(_ json: String) -> String {
        do throws(FormFault) {
            _ = try ServerForm(Array(json.utf8))
            return "none"
        } catch {
            return error.sentence
        }
    }

    @Test func everyMemberIsRead() throws {
        let form = try ServerForm(
            Array(
                #"{"address":"a","host":"b","state":"out","weight":7,"reason":"sick, ä","by":"ann"}"#.utf8))
        #expect(form.address == "a")
        #expect(form.host == "b")
        #expect(form.state == .out)
        #expect(form.weight == 7)
        #expect(form.reason == "sick, ä")
        #expect(form.by == "ann")
    }

    @Test(arguments: [
        ("wieght", "did you mean 'weight'?"), ("State", "did you mean 'state'?"),
        ("colour", "there are address, host, state, weight, reason, by"), ("", "there are address"),
        ("a\\u001bb", "no member 'a\\u{1B}b'"),
    ])
    func anUnknownMemberIsNamed(_ name: String, _ expected: String) {
        let sentence = sentence("{\"address\":\"10.0.0.1:80\",\"\(name)\":1}")
        #expect(sentence.hasPrefix("there is no member '"), "\(sentence)")
        #expect(sentence.contains(expected), "\(sentence)")
    }

    @Test(
        arguments: ["host", "reason", "by"],
        ["\\n", "\\u0000", "\\u001b[2J", "\\u007f", "\\u0085", "\\u2028"])
    func aControlCharacterIsRefused(_ name: String, _ character: String) {
        let sentence = sentence("{\"address\":\"10.0.0.1:80\",\"\(name)\":\"x\(character)y\"}")
        #expect(sentence == "'\(name)' holds a control character; expected text on one line")
    }

    @Test(arguments: [
        ("{}", "'address' is missing"), ("[]", "expected JSON"), ("", "expected JSON"),
        ("{", "expected JSON"),
        (#"{"address":1}"#, "'address' is not a string"), (#"{"weight":"7"}"#, "'weight' is not a number"),
        (#"{"address":"a","weight":0}"#, "weight is 0; expected 1 to 256"),
        (#"{"address":"a","state":"on"}"#, "state is 'on'; expected active, draining or out"),
    ])
    func aWrongBodyIsTold(_ json: String, _ expected: String) {
        #expect(sentence(json).hasPrefix(expected), "\(sentence(json))")
    }
}
