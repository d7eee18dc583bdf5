import Linux
import Testing

@testable import bench

@Suite struct SoakTests {
    private let start = Instant(nanoseconds: 5_000_000_000)

    private func failure(from began: Int64, to ended: Int64) -> Blame.Failure {
        Blame.Failure(
            began: start.advanced(milliseconds: began), ended: start.advanced(milliseconds: ended), what: "x")
    }

    @Test(arguments: [(-5, 20), (100, 101), (1199, 1300)])
    func aDeathExcusesWhatFailsInItsTime(_ began: Int64, _ ended: Int64) {
        var blame = Blame()
        blame.note(.kill, at: start)
        blame.judge(failure(from: began, to: ended))
        #expect(blame.unexplained.isEmpty)
        #expect(blame.excused[.kill] == 1)
        #expect(blame.worstGap[.kill] == ended)
    }

    @Test(arguments: [(-20, -5), (1201, 1202)])
    func whatFailsBeforeOrLaterHasNoExcuse(_ began: Int64, _ ended: Int64) {
        var blame = Blame()
        blame.note(.kill, at: start)
        blame.judge(failure(from: began, to: ended))
        #expect(blame.unexplained.count == 1)
    }

    @Test(arguments: Disturbance.allCases.filter { $0 != .kill })
    func nothingElseExcusesAnything(_ kind: Disturbance) {
        var blame = Blame()
        blame.note(kind, at: start)
        blame.judge(failure(from: 0, to: 1))
        #expect(blame.unexplained.count == 1)
    }

    private func growth(_ value: (Double) -> Gauge) -> Growth {
        var growth = Growth("x")
        for second in 0...100 { growth.note(value(Double(second)), at: Double(second)) }
        return growth
    }

    @Test func whatFillsAtTheBeginningAndStaysIsFlat() {
        let growth = growth {
            Gauge(residentBytes: 20_000_000 + Int(min($0, 30)) * 1_000_000, descriptors: 40, threads: 9)
        }
        #expect(growth.grown.isEmpty)
    }

    @Test func aLeakOfEachKindIsSeen() {
        let growth = growth {
            Gauge(
                residentBytes: 20_000_000 + Int($0) * 300_000, descriptors: 40 + 2 * Int($0),
                threads: 9 + Int($0)
            )
        }
        #expect(growth.grown == ["memory", "descriptors", "threads"])
    }
}
