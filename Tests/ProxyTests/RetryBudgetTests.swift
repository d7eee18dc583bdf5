import Testing

@testable import Proxy

@Suite struct RetryBudgetTests {
    private let second: Int64 = 1_000_000_000

    private func taken(_ budget: inout RetryBudget, requests: UInt64, at now: Int64, most: Int = 10_000)
        -> Int
    {
        var count = 0
        while count < most, budget.take(requests: requests, at: now) { count += 1 }
        return count
    }

    @Test func aFewAreAlwaysAllowed() {
        var budget = RetryBudget(RetrySettings())
        #expect(taken(&budget, requests: 0, at: 5 * second) == 30)
        #expect(taken(&budget, requests: 0, at: 14 * second) == 0)
        #expect(taken(&budget, requests: 0, at: 15 * second) == 30)
    }

    @Test func aFifthOfTheRequestsOfTenSecondsAreAllowed() {
        var budget = RetryBudget(RetrySettings())
        for number in 1...10 { budget.note(requests: UInt64(number) * 100, at: Int64(number) * second) }
        #expect(taken(&budget, requests: 1_000, at: 10 * second) == 230)
        #expect(taken(&budget, requests: 1_100, at: 10 * second) == 20)
        // Ten seconds on, the old requests count no more, nor do their repetitions.
        #expect(taken(&budget, requests: 1_200, at: 20 * second) == 50)
    }

    @Test func theBudgetCanBeSetToNothing() {
        var settings = RetrySettings()
        settings.budgetPercent = 0
        settings.budgetMinimum = 0
        var budget = RetryBudget(settings)
        #expect(taken(&budget, requests: 1_000_000, at: second) == 0)
    }

    @Test func twoClosesAfterTheSameTimeTeachALimit() {
        let usual = 4 * second
        var limit = IdleLimit()
        #expect(limit.keep(usual, at: 0) == usual)
        limit.note(kept: 2 * second, at: 10 * second)
        #expect(limit.keep(usual, at: 10 * second) == usual)
        limit.note(kept: 2 * second + second / 100, at: 10 * second + 1)  // of the same restart
        #expect(limit.keep(usual, at: 11 * second) == usual)
        limit.note(kept: 2 * second, at: 20 * second)
        #expect(limit.keep(usual, at: 20 * second) == 2 * second / 5 * 4)
        #expect(limit.keep(second, at: 20 * second) == second)
        #expect(limit.keep(usual, at: 700 * second) == usual)  // tried again after a while
    }

    @Test func restartsTeachNothing() {
        var limit = IdleLimit()
        for (kept, now) in [(10, 1), (12, 100), (11, 200)] as [(Int64, Int64)] {
            limit.note(kept: kept * 1_000_000, at: now * second)
        }
        limit.note(kept: 3 * second, at: 300 * second)
        limit.note(kept: second, at: 400 * second)
        #expect(limit.keep(4 * second, at: 400 * second) == 4 * second)
    }
}
