import Fixtures
import Testing

@testable import Remediation

@Suite struct XMLTests {
    static let page = """
        <?xml version="1.0" encoding="UTF-8"?>
        <DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>
          <reservationSet><item><reservationId>r-1</reservationId><instancesSet><item>
            <instanceId>i-0123456789abcdef0</instanceId><instanceState><code>16</code><name>running</name></instanceState>
            <privateIpAddress>10.0.0.9</privateIpAddress><ipAddress>&#x35;4.1.2.3</ipAddress>
            <launchTime>2026-11-24T15:34:13.000Z</launchTime>
            <tagSet><item><key>troop:operation</key><value>op-1 &amp; more</value></item></tagSet>
          </item></instancesSet></item></reservationSet></DescribeInstancesResponse>
        """

    private func machines(_ bytes: [UInt8]) -> [Machine]? {
        guard case .done(let root) = EC2Reply(status: 200, body: bytes, action: "DescribeInstances") else {
            return nil
        }
        return root.items("reservationSet").flatMap { $0.items("instancesSet") }.compactMap { Machine($0) }
    }

    @Test func aDescriptionIsRead() {
        #expect(
            machines(Array(Self.page.utf8)) == [
                Machine(
                    id: "i-0123456789abcdef0", state: .running, privateAddress: "10.0.0.9",
                    publicAddress: "54.1.2.3", operation: "op-1 & more", launchedAt: 1_795_534_453_000)
            ])
    }

    @Test(arguments: ["<Response>", "<ErrorResponse>"])
    func bothRootsOfErrorsAreRead(_ root: String) {
        let error = "<Error><Code>AuthFailure</Code><Message>no\u{9}way</Message></Error>"
        let inner = root == "<Response>" ? "<Errors>\(error)</Errors>" : error
        let text = "\(root)\(inner)\(root.replacing("<", with: "</"))"
        #expect(
            EC2Reply(status: 401, body: Array(text.utf8), action: "X")
                == .error(code: "AuthFailure", message: "no way"))
    }

    @Test(arguments: [
        ("", XMLFault.empty), ("  \n", .empty), ("<a><b></b>", .truncated), ("<a", .truncated),
        ("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", .documentType),
        (String(repeating: "<a>", count: 40), .tooDeep),
    ])
    func whatIsNoDocumentIsRefused(_ text: String, _ fault: XMLFault) {
        #expect(throws: fault) { try XMLNode.parse(Array(text.utf8)) }
    }

    @Test func aBombOfElementsIsRefused() {
        let text = "<a>" + String(repeating: "<b/>", count: XMLNode.elementsMax + 1) + "</a>"
        #expect(throws: XMLFault.tooLarge) { try XMLNode.parse(Array(text.utf8)) }
    }

    /// Whatever is done to an answer, it is read as machines with sound names or refused; it never ends the process.
    @Test func mutatedAnswersNeverMakeAnUnsoundMachine() {
        var generator = SeededGenerator(seed: 7)
        let original = Array(Self.page.utf8)
        for _ in 0..<3000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(UInt8(ascii: "<"), at: place)
                default: bytes.removeLast(Int.random(in: 0..<bytes.count / 2, using: &generator))
                }
                if bytes.isEmpty { break }
            }
            for machine in machines(bytes) ?? [] {
                #expect(Machine.isID(machine.id))
                #expect(machine.privateAddress.map { Machine.numeric($0) == $0 } ?? true)
            }
        }
    }

    @Test(arguments: [
        ("RequestLimitExceeded", 503, EC2ErrorMeaning.throttled), ("Unknown", 429, .throttled),
        ("UnauthorizedOperation", 403, .auth), ("InsufficientInstanceCapacity", 500, .capacity),
        ("VcpuLimitExceeded", 400, .capacity), ("InvalidInstanceID.NotFound", 400, .missing),
        ("IdempotentParameterMismatch", 400, .otherParameters), ("InternalError", 500, .failure),
        ("Whatever", 500, .failure), ("InvalidAMIID.NotFound", 400, .permanent),
        ("DryRunOperation", 412, .wouldWork), ("IncorrectInstanceState", 400, .unready),
        ("ExpiredToken", 400, .expired),
    ])
    func codesHaveMeanings(_ code: String, _ status: Int, _ meaning: EC2ErrorMeaning) {
        #expect(EC2ErrorMeaning(code: code, status: status) == meaning)
    }
}
