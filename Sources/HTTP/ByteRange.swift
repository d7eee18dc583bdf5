/// A stretch of a head, counted from the head's first byte.
public struct ByteRange: Equatable, Sendable, BitwiseCopyable {
    /// Where its first byte is.
    public var offset: UInt16
    /// The number of its bytes.
    public var length: UInt16

    /// A range from its bounds, both below 64 KiB.
    @inlinable
    public init(_ start: Int, _ end: Int) {
        offset = UInt16(truncatingIfNeeded: start)
        length = UInt16(truncatingIfNeeded: end - start)
    }

    /// Nothing, at the head's start.
    @inlinable
    public init() {
        offset = 0
        length = 0
    }

    /// The offset of the first byte.
    @inlinable @inline(__always)
    public var start: Int { Int(offset) }

    /// The offset after the last byte.
    @inlinable @inline(__always)
    public var end: Int { Int(offset) + Int(length) }

    /// The number of bytes.
    @inlinable @inline(__always)
    public var count: Int { Int(length) }
}
