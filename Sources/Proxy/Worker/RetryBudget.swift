/// How many requests may be sent again: a share of those of the last ten seconds, and a few a second besides.
/// Repeating everything would double the load of servers that fail because of it.
struct RetryBudget: BitwiseCopyable {
    private static let slices = 10
    private static let sliceNanoseconds: Int64 = 1_000_000_000

    private struct Slice: BitwiseCopyable {
        var second: Int64 = -1
        var requests: UInt64 = 0
        var retries: UInt64 = 0
    }

    private let percent: UInt64
    private let minimum: UInt64
    private var window = InlineArray<10, Slice>(repeating: Slice())
    private var counted: UInt64 = 0

    init(_ settings: RetrySettings) {
        percent = UInt64(max(0, settings.budgetPercent))
        minimum = UInt64(max(0, settings.budgetMinimum)) * UInt64(RetryBudget.slices)
    }

    /// Takes in how many requests there have been in all; to be called about once a second.
    mutating func note(requests: UInt64, at now: Int64) {
        let slice = slice(at: now)
        window[slice].requests &+= requests &- counted
        counted = requests
    }

    /// Asks for one repetition; true when there is room for it.
    mutating func take(requests: UInt64, at now: Int64) -> Bool {
        note(requests: requests, at: now)
        let slice = slice(at: now)
        let second = window[slice].second
        var all: UInt64 = 0
        var retries: UInt64 = 0
        for index in 0..<RetryBudget.slices where second - window[index].second < Int64(RetryBudget.slices) {
            all &+= window[index].requests
            retries &+= window[index].retries
        }
        guard retries < all &* percent / 100 &+ minimum else { return false }
        window[slice].retries += 1
        return true
    }

    private mutating func slice(at now: Int64) -> Int {
        let second = now / RetryBudget.sliceNanoseconds
        let index = Int(second % Int64(RetryBudget.slices))
        if window[index].second != second { window[index] = Slice(second: second) }
        return index
    }
}
