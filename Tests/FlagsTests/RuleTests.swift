import Testing

@testable import Flags

/// Rules one by one: the examples of flagd's documentation, and what they are held within.
@Suite struct RuleTests {
    private static let data =
        #"{"email":"noreply@example.com","user":{"email":"a@b"},"list":[1,2,3],"targetingKey":"user-1","$flagd":{"flagKey":"new-ui","timestamp":7}}"#

    private func run(_ rule: String, over data: String = RuleTests.data) throws -> JSON {
        var compiler = RuleCompiler(evaluators: JSONObject())
        let rule = compiler.compile(try JSONReader.read(Array(rule.utf8)), at: "")
        try #require(compiler.faults.isEmpty, "\(compiler.faults)")
        var machine = RuleMachine()
        return try machine.run(rule, try JSONReader.read(Array(data.utf8)))
    }

    @Test(arguments: [
        (#"{"var":"email"}"#, #""noreply@example.com""#), (#"{"var":["nobody","x"]}"#, #""x""#),
        (#"{"var":"user.email"}"#, #""a@b""#), (#"{"var":"list.1"}"#, "2"),
        (#"{"var":"$flagd.timestamp"}"#, "7"),
        (#"{"if":[true,"yes","no"]}"#, #""yes""#), (#"{"if":[false,"yes","no"]}"#, #""no""#),
        (#"{"if":[false,"yes",false,"no","maybe"]}"#, #""maybe""#), (#"{"if":[false,"yes"]}"#, "null"),
        (#"{"or":[false,false]}"#, "false"), (#"{"and":[true,"x"]}"#, #""x""#),
        (#"{"==":[1,"1"]}"#, "true"), (#"{"===":[1,"1"]}"#, "false"), (#"{"!=":[1,"1"]}"#, "false"),
        (#"{"!==":[1,"1"]}"#, "true"), (#"{"!!":["mike"]}"#, "true"), (#"{"!":[""]}"#, "true"),
        (#"{"!":[[]]}"#, "true"), (#"{"<":[1,5,10]}"#, "true"), (#"{"<":[1,11,10]}"#, "false"),
        (#"{"<=":[1,1,10]}"#, "true"), (#"{">":[2,1]}"#, "true"), (#"{">=":["b","a"]}"#, "true"),
        (#"{"in":["Spring","Springfield"]}"#, "true"), (#"{"in":["Todd",["Bob","Mike"]]}"#, "false"),
        (#"{"cat":["I"," love ",1.0,2]}"#, #""I love 12""#), (#"{"substr":["jsonlogic",4]}"#, #""logic""#),
        (#"{"substr":["jsonlogic",-5,2]}"#, #""lo""#), (#"{"substr":["jsonlogic",1,-5]}"#, #""son""#),
        (#"{"+":["3.14"]}"#, "3.14"), (#"{"-":[2]}"#, "-2"), (#"{"*":[2,3,4]}"#, "24"),
        (#"{"/":[4,2]}"#, "2.0"),
        (#"{"%":[101,2]}"#, "1"), (#"{"%":[-1,3]}"#, "2"), (#"{"max":[1,2,3]}"#, "3"),
        (#"{"min":[2,1.5]}"#, "1.5"),
        (#"{"merge":[[1,2],3]}"#, "[1,2,3]"), (#"{"map":[{"var":"list"},{"*":[{"var":""},2]}]}"#, "[2,4,6]"),
        (#"{"filter":[{"var":"list"},{"%":[{"var":""},2]}]}"#, "[1,3]"),
        (#"{"reduce":[{"var":"list"},{"+":[{"var":"current"},{"var":"accumulator"}]},0]}"#, "6"),
        (#"{"all":[{"var":"list"},{">":[{"var":""},0]}]}"#, "true"), (#"{"all":[[],true]}"#, "false"),
        (#"{"some":[{"var":"list"},{">":[{"var":""},2]}]}"#, "true"),
        (#"{"none":[{"var":"list"},{">":[{"var":""},2]}]}"#, "false"),
        (#"{"missing":["email","nobody"]}"#, #"["nobody"]"#),
        (#"{"missing_some":[1,["email","nobody"]]}"#, "[]"),
        (#"{"starts_with":["192.168.0.1","192.168"]}"#, "true"),
        (#"{"ends_with":["noreply@example.com","@test.com"]}"#, "false"),
        (#"{"starts_with":[{"var":"nobody"},"x"]}"#, "null"),
        (#"{"sem_ver":["1.1.2",">=","1.0.0"]}"#, "true"),
        (#"{"sem_ver":["1.0.0-rc.1","<","1.0.0"]}"#, "true"),
        (#"{"sem_ver":["v1.2","~","1.2.9"]}"#, "true"),
        (#"{"sem_ver":[{"var":"email"},"=","1.0.0"]}"#, "null"),
    ])
    func aRuleGivesWhatTheDocumentationSays(_ rule: String, _ result: String) throws {
        #expect(try run(rule).compactText == result)
    }

    /// The buckets out of 100 for a flag `new-ui`.
    @Test(arguments: [("user-1", 16), ("user-2", 7)])
    func aTargetingKeyFallsIntoItsBucket(_ key: String, _ bucket: Int) throws {
        let data = #"{"targetingKey":"\#(key)","$flagd":{"flagKey":"new-ui"}}"#
        #expect(
            try run(#"{"fractional":[["on",\#(bucket)],["off",\#(100 - bucket)]]}"#, over: data)
                == .string("off"))
        #expect(
            try run(#"{"fractional":[["on",\#(bucket + 1)],["off",\#(99 - bucket)]]}"#, over: data)
                == .string("on"))
    }

    @Test func aValueOfOnesOwnFallsIntoItsBucket() throws {
        for (bucket, variant) in [(29, "off"), (30, "on")] {
            let rule = #"{"fractional":[{"var":"email"},["on",\#(bucket)],["off",\#(100 - bucket)]]}"#
            #expect(try run(rule, over: #"{"email":"a@b.c"}"#) == .string(variant))
        }
    }

    @Test func withoutAKeyThereIsNoShare() throws {
        for data in ["{}", #"{"targetingKey":""}"#, #"{"targetingKey":null}"#] {
            #expect(try run(#"{"fractional":[["on",1],["off",1]]}"#, over: data) == .null)
        }
    }

    @Test(arguments: [
        (#"{"/":[1,0]}"#, RuleFault.divisionByZero), (#"{"%":[1,0.0]}"#, .divisionByZero),
        (#"{"map":[{"var":"list"},{"fractional":[["on",1]]}]}"#, .shareInLoop),
    ])
    func aRuleWithoutAResultIsAFault(_ rule: String, _ fault: RuleFault) {
        #expect(throws: fault) { try run(rule) }
    }

    /// What grows with every turn of a loop is stopped, in size, depth and time.
    @Test(arguments: [
        #"{"cat":[{"var":"accumulator"},{"var":"accumulator"},"x"]}"#,
        #"{"merge":[{"var":"accumulator"},{"var":"accumulator"},1]}"#,
        #"[{"var":"accumulator"}]"#, #"[{"var":"accumulator"},{"var":"accumulator"}]"#,
        #"{"reduce":[{"var":"current"},{"+":[{"var":"current"},{"var":"accumulator"}]},0]}"#,
    ])
    func aLoopThatGrowsWithoutEndIsStopped(_ body: String) throws {
        let inner = (0..<400).map { "\($0)" }.joined(separator: ",")
        let list = (0..<400).map { _ in "[\(inner)]" }.joined(separator: ",")
        #expect(throws: RuleFault.tooMuchWork) {
            try run(#"{"reduce":[{"var":"list"},\#(body),"x"]}"#, over: "{\"list\":[\(list)]}")
        }
    }

    @Test func aLongSearchIsStopped() throws {
        let hay = String(repeating: "a", count: 200_000)
        let data = #"{"hay":"\#(hay)","needle":"\#(hay.dropLast(100_000))b"}"#
        #expect(throws: RuleFault.tooMuchWork) {
            try run(#"{"in":[{"var":"needle"},{"var":"hay"}]}"#, over: data)
        }
    }

    @Test func wholeNumbersThatGrowTooLargeBecomeFractions() throws {
        #expect(try run(#"{"*":[9223372036854775807,2]}"#) == .number(18_446_744_073_709_551_616))
        #expect(try run(#"{"-":[-9223372036854775808]}"#) == .number(9_223_372_036_854_775_808))
        #expect(try run(#"{"%":[-9223372036854775808,-1]}"#) == .integer(0))
    }

    @Test func hashesAreThoseOfTheReference() {
        // Vectors of MurmurHash3_x86_32 with seed 0.
        #expect(Bucket.murmur3([]) == 0)
        #expect(Bucket.murmur3(Array("hello".utf8)) == 0x248b_fa47)
        #expect(Bucket.murmur3(Array("hello, world".utf8)) == 0x149b_bb7f)
        #expect(Bucket.murmur3(Array("The quick brown fox jumps over the lazy dog".utf8)) == 0x2e4f_f723)
    }

    /// RFC 8949, appendix A.
    @Test(
        arguments: [
            (1.5, [0xF9, 0x3E, 0x00]), (-4.1, [0xFB, 0xC0, 0x10, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66]),
            (5.960464477539063e-8, [0xF9, 0x00, 0x01]), (0.00006103515625, [0xF9, 0x04, 0x00]),
            (3.4028234663852886e+38, [0xFA, 0x7F, 0x7F, 0xFF, 0xFF]), (65504.0, [0x19, 0xFF, 0xE0]),
            (1e300, [0xFB, 0x7E, 0x37, 0xE4, 0x3C, 0x88, 0x00, 0x75, 0x9C]), (-100.0, [0x38, 0x63]),
        ] as [(Double, [UInt8])])
    func numbersAreEncodedInTheirShortestForm(_ number: Double, _ expected: [UInt8]) {
        var bytes: [UInt8] = []
        Bucket.number(number, into: &bytes)
        #expect(bytes == expected)
    }
}
