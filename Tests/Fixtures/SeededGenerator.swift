/// SplitMix64 (Steele, Lea and Flood, 2014): the same numbers for the same seed, everywhere.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Numbers that follow from `seed` alone.
    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// A number of the range, each as likely as the next (within what a remainder can do).
    package mutating func within(_ range: ClosedRange<Int64>) -> Int64 {
        range.lowerBound + Int64(next() % UInt64(range.upperBound - range.lowerBound + 1))
    }

    /// True so many times in a hundred.
    package mutating func chance(_ percent: Int64) -> Bool { within(0...99) < percent }

    /// Any index below `count`, which is at least 1.
    package mutating func index(_ count: Int) -> Int { Int(next() % UInt64(count)) }

    /// Any element of a list that has one.
    package mutating func one<Element>(of list: [Element]) -> Element { list[index(list.count)] }

    /// Any element; nil of an empty list.
    package mutating func pick<Element>(_ list: [Element]) -> Element? {
        list.isEmpty ? nil : list[index(list.count)]
    }
}
