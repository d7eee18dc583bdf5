import Glibc
import HTTP

/// A worker's blocks of memory for bytes in flight, all of one size, in a free list.
///
/// A block holds `dataBytes` of data and, behind them, room for the fields of a head.
struct BlockPool {
    typealias Block = UnsafeMutablePointer<UInt8>

    /// What a rewritten request head may grow by before it is refused.
    private static let growth = 2048

    let dataBytes: Int
    private let blockBytes: Int
    private let limit: Int
    private var allocated = 0
    private var free: UnsafeMutableRawPointer?

    init(_ limits: HeadLimits, bytes: Int) {
        dataBytes = (limits.headBytes + BlockPool.growth + 63) & ~63
        blockBytes = dataBytes + limits.fields * MemoryLayout<Field>.stride
        limit = max(4, bytes / blockBytes)
    }

    /// A block, or nil when the worker's memory is used up.
    mutating func take() -> Block? {
        if let block = free {
            free = block.load(as: UnsafeMutableRawPointer?.self)
            return block.assumingMemoryBound(to: UInt8.self)
        }
        guard allocated < limit else { return nil }
        guard let memory = malloc(blockBytes) else { return nil }
        allocated += 1
        return memory.assumingMemoryBound(to: UInt8.self)
    }

    mutating func giveBack(_ block: Block) {
        let raw = UnsafeMutableRawPointer(block)
        raw.storeBytes(of: free, as: UnsafeMutableRawPointer?.self)
        free = raw
    }

    /// The room for fields at the end of a block.
    @inline(__always)
    func fields(of block: Block) -> UnsafeMutablePointer<Field> {
        UnsafeMutableRawPointer(block + dataBytes).assumingMemoryBound(to: Field.self)
    }

    /// Returns the free blocks to the system.
    mutating func deallocate() {
        while let block = take(), allocated > 0 {
            Glibc.free(block)
            allocated -= 1
            if free == nil { break }
        }
    }
}
