/// A fixed number of plain values, written once while being made and read by any thread afterwards; workers
/// read it by its pointer, without bounds, exclusivity or reference counts.
final class PlainArray<Element: BitwiseCopyable>: Sendable {
    let count: Int
    // Written only by whoever makes it, before it is shared.
    nonisolated(unsafe) let base: UnsafeMutablePointer<Element>

    /// Room for `count` values, to be written before they are read.
    init(_ count: Int) {
        self.count = count
        base = .allocate(capacity: max(1, count))
    }

    deinit { base.deallocate() }

    subscript(_ index: Int) -> Element {
        get { base[index] }
        _modify { yield &base[index] }
    }
}
