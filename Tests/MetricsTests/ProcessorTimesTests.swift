import Testing

@testable import Metrics

@Suite struct ProcessorTimesTests {
    private func shares(_ before: String, _ after: String) -> ProcessorShares? {
        ProcessorShares(from: processorTimes(before), to: processorTimes(after), resetTicks: 300)
    }

    @Test func aStatFileGivesARowForEachCPU() {
        let times = processorTimes(sampleStat)
        #expect(times.identifiers == [0, 1])
        #expect(
            ProcessorTimes.Field.allCases.map { times.value($0, row: 1) }
                == [3223, 0, 1504, 78722, 674, 0, 34, 118])
    }

    @Test func busyIsAllButIdleAndWaiting() {
        // 10 user, 5 system, 60 idle, 20 iowait, 1 irq, 2 softirq, 2 steal: of 100, 20 are busy.
        let result = shares("cpu0 0 0 0 0 0 0 0 0 0 0\n", "cpu0 10 0 5 60 20 1 2 2 0 0\n")
        #expect(result == ProcessorShares(busy: 0.2, steal: 0.02, iowait: 0.2))
    }

    @Test func guestTimeIsNotCountedTwice() {
        // All 50 ticks of user time ran a guest; the guest's field repeats them.
        let result = shares("cpu0 0 0 0 0 0 0 0 0 0 0\n", "cpu0 50 0 0 50 0 0 0 0 50 0\n")
        #expect(result?.busy == 0.5)
    }

    @Test(arguments: ["cpu0 25 0 25 50\n", "cpu0 25 0 25 50 0 0 0\n", "cpu0 25 0 25 50 0 0 0 0 0 0 9 9 9\n"])
    func fewerAndMoreFieldsAreUnderstood(_ after: String) {
        let result = shares("cpu0 0 0 0 0\n", after)
        #expect(result == ProcessorShares(busy: 0.5, steal: 0, iowait: 0))
    }

    @Test func noTimeBetweenTwoSamplesIsNoValue() {
        #expect(shares(sampleStat, sampleStat) == nil)
    }

    @Test func nothingBeforeIsNoValue() {
        #expect(shares("", sampleStat) == nil)
        #expect(shares(sampleStat, "") == nil)
    }

    @Test func onlyCPUsOfBothSamplesCount() {
        // CPU 1 goes (all its time would be idle), CPU 2 comes (all its past would be busy): CPU 0 and 3 remain.
        let before = "cpu0 0 0 0 0\ncpu1 0 0 0 900\ncpu3 0 0 0 0\n"
        let after = "cpu0 10 0 0 90\ncpu2 5000 0 0 0\ncpu3 30 0 0 70\n"
        #expect(shares(before, after)?.busy == 0.2)
    }

    @Test func aCounterThatStepsBackCountsAsNothing() {
        let before = "cpu0 100 0 0 100 50 0 0 40\n"
        let after = "cpu0 110 0 0 190 20 0 0 35\n"
        #expect(shares(before, after) == ProcessorShares(busy: 0.1, steal: 0, iowait: 0))
    }

    @Test func iowaitMayStepBackFar() {
        let before = "cpu0 100 0 0 100 5000\n"
        let after = "cpu0 110 0 0 190 0\n"
        #expect(shares(before, after)?.busy == 0.1)
    }

    @Test func aCPUThatWasTakenOutAndCameBackIsLeftOut() {
        let before = "cpu0 0 0 0 0\ncpu1 9000 0 0 9000\n"
        let after = "cpu0 10 0 0 90\ncpu1 9100 0 0 3\n"
        #expect(shares(before, after)?.busy == 0.1)
        #expect(shares("cpu1 9000 0 0 9000\n", "cpu1 9100 0 0 3\n") == nil)
    }

    @Test(arguments: [
        "cpu0 1 2 3\n", "cpu0 1 2 3 x\n", "cpu0 1 2 3 4 x\n", "cpu0 1 2 3 -4 5 6 7 8\n", "cpux 1 2 3 4\n",
        "cpu0\n", "cpu0 99999999999999999999 0 0 0\n", "\ncpu0 1 2 3 4\n", "intr 5\ncpu0 1 2 3 4\n",
    ])
    func aRowThatMakesNoSenseIsLeftOut(_ text: String) {
        #expect(processorTimes(text).count == 0)
    }

    @Test func rowsOutOfOrderAndTwiceAreLeftOut() {
        let times = processorTimes("cpu1 1 1 1 1\ncpu1 2 2 2 2\ncpu0 3 3 3 3\ncpu2 4 4 4 4\n")
        #expect(times.identifiers == [1, 2])
        #expect(times.value(.user, row: 0) == 1)
        #expect(times.value(.user, row: 1) == 4)
    }

    @Test func countersBeyondAllSenseGiveNoValue() {
        let most = UInt64.max
        #expect(shares("cpu0 0 0 0 0\n", "cpu0 \(most) \(most) 0 0\n") == nil)
    }
}
