/// A stretch of a head, counted from the head's first byte.
package struct ByteRange: Equatable, Sendable, BitwiseCopyable {
    package var offset: UInt16
    package var length: UInt16

    /// A range from its bounds, both below 64 KiB.
    @inlinable
    package init(_ start: Int, _ end: Int) {
        offset = UInt16(truncatingIfNeeded: start)
        length = UInt16(truncatingIfNeeded: end - start)
    }

    /// Nothing, at the head's start.
    @inlinable
    package init() {
        offset = 0
        length = 0
    }

    /// The offset of the first byte.
    @inlinable
    package var start: Int { Int(offset) }

    /// The offset after the last byte.
    @inlinable
    package var end: Int { Int(offset) + Int(length) }

    /// The number of bytes.
    @inlinable
    package var count: Int { Int(length) }
}
