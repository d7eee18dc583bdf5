/// Numbered places for connections: plain memory, a stack of free numbers, a deadline beside each.
///
/// Deadlines stand in an array of their own, so that a sweep over ten thousand of them reads 80 KB.
struct Slab<Element: BitwiseCopyable> {
    static var none: Int32 { -1 }

    let base: UnsafeMutablePointer<Element>
    let deadlines: UnsafeMutablePointer<Int64>
    let capacity: Int
    private let free: UnsafeMutablePointer<Int32>
    private var freeCount = 0
    /// Numbers at and above this one were never used.
    private(set) var highWater = 0
    /// The number of places taken.
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = capacity
        base = ZeroedMemory.allocate(capacity)
        deadlines = ZeroedMemory.allocate(capacity)
        free = ZeroedMemory.allocate(capacity)
    }

    func deallocate() {
        base.deallocate()
        deadlines.deallocate()
        free.deallocate()
    }

    /// Takes a place, its memory as it was left; nil when all are taken.
    mutating func take() -> Int32? {
        let index: Int32
        if freeCount > 0 {
            freeCount -= 1
            index = free[freeCount]
        } else {
            guard highWater < capacity else { return nil }
            index = Int32(highWater)
            highWater += 1
        }
        count += 1
        deadlines[Int(index)] = .max
        return index
    }

    /// Gives a place back.
    mutating func giveBack(_ index: Int32) {
        deadlines[Int(index)] = .max
        free[freeCount] = index
        freeCount += 1
        count -= 1
    }

    @inline(__always)
    subscript(_ index: Int32) -> UnsafeMutablePointer<Element> { base + Int(index) }
}
