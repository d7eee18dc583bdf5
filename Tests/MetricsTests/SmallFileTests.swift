import Testing

@testable import Metrics

@Suite struct SmallFileTests {
    @Test func theLoadIsThreeNumbers() {
        #expect(
            parse("0.02 1.50 12.34 1/87 4873\n", LoadAverage.parse)
                == LoadAverage(oneMinute: 0.02, fiveMinutes: 1.5, fifteenMinutes: 12.34))
    }

    @Test(arguments: [
        "", "0.02", "0.02 1.50", "x 1 1", "-1 1 1", "0.02  1.50 1", "1. 1 1", "99999999 1 1", "inf 1 1",
    ])
    func aLoadThatMakesNoSenseIsNoValue(_ text: String) {
        #expect(parse(text, LoadAverage.parse) == nil)
    }

    @Test func pressureHasTwoLines() throws {
        let stall = try #require(parse(samplePressure, PressureStall.parse))
        #expect(stall.some == 3.99)
        #expect(stall.full == 1.5)
        #expect(stall.someLine?.sixtySeconds == 0.87)
        #expect(stall.fullLine?.threeHundredSeconds == 100)
        #expect(stall.fullLine?.totalMicroseconds == 6_059_497)
    }

    @Test func anOlderKernelHasNoFullLineForTheCPU() throws {
        let stall = try #require(
            parse("some avg10=0.12 avg60=0.43 avg300=0.27 total=4403501\n", PressureStall.parse))
        #expect(stall.some == 0.12)
        #expect(stall.full == nil)
    }

    @Test(arguments: [
        "", "some\n", "some avg10=101.00 avg60=0.00 avg300=0.00 total=1\n", "some avg10=1.0 avg60=x\n",
        "full avg10=1.0 avg60=1.0 avg300=1.0 total=\n",
    ])
    func pressureThatMakesNoSenseIsNoValue(_ text: String) {
        #expect(parse(text, PressureStall.parse) == nil)
    }

    @Test(arguments: ["app", "a b", "a) R 1 2 (b", "", ") (", "((("])
    func aProcessMayHaveAnyName(_ name: String) {
        let text =
            "42 (\(name)) S 1 1 1 0 -1 4194560 1 2 3 4 100 50 7 7 20 0 3 0 84420 3133440 394 184467 1\n"
        #expect(
            parse(text, ProcessStat.parse)
                == ProcessStat(cpuTicks: 150, startTicks: 84_420, residentPages: 394, hasEnded: false))
    }

    @Test(arguments: [
        "", "42", "42 (app", "42 (app)", "42 (app) S 1 1 1 0 -1 4194560 1 2 3 4 100 50 7 7 20 0 3 0 84420",
        "42 (app) S 1 1 1 0 -1 4194560 1 2 3 4 -1 50 7 7 20 0 3 0 84420 3133440 394",
    ])
    func aProcessThatMakesNoSenseIsNoValue(_ text: String) {
        #expect(parse(text, ProcessStat.parse) == nil)
    }

    @Test(
        arguments: [("42", 42), ("42\n", 42), ("  42 \r\n", 42), ("4194304\n", 4_194_304)]
            as [(String, Int32)])
    func aPidFileHoldsANumber(_ text: String, _ pid: Int32) {
        #expect(parse(text, ProcessIdentifier.parsePidFile) == pid)
    }

    @Test(arguments: [
        "", "\n", "0", "-5", "4194305", "42 43", "42x", "../1", "99999999999999999999",
        String(repeating: " ", count: 65) + "1",
    ])
    func aPidFileWithAnythingElseIsNoValue(_ text: String) {
        #expect(parse(text, ProcessIdentifier.parsePidFile) == nil)
    }

    @Test func aBootIDIsAUUID() {
        let text = "6f1d0f5e-7c9a-4a42-9b59-7d37cf5b3d6e"
        #expect(parse(text + "\n", BootID.parse) == text)
        #expect(parse(text, BootID.parse) == text)
        for bad in [
            "", "x", text + "\n\n", text.uppercased(), text.replacing("-", with: "0"), text.dropLast() + "\n",
        ] {
            #expect(parse(String(bad), BootID.parse) == nil)
        }
    }

    @Test func thisMachineHasABootID() throws {
        let identifier: String = try #require(BootID.read())
        #expect(BootID.read() == identifier)
        #expect(BootID.read(proc: "/nonexistent") == nil)
    }
}
