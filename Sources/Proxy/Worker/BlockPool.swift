import Glibc
import HTTP

/// A worker's blocks of memory for bytes in flight, all of one size, in free lists.
///
/// A block holds `dataBytes` of data and, behind them, room for the fields of a head. What passes through whole,
/// a response, has a list of its own: it takes the block that the last one has left in the processor's cache.
/// With one list for all it would take that of the last request, and a busy worker would go through the memory
/// of all its requests again and again, which with bodies of 10 KiB is more than a cache holds.
struct BlockPool {
    typealias Block = UnsafeMutablePointer<UInt8>

    /// What a rewritten request head may grow by before it is refused.
    private static let growth = 2048

    let dataBytes: Int
    private let blockBytes: Int
    private let limit: Int
    private var allocated = 0
    private var free: UnsafeMutableRawPointer?
    /// Blocks that were given back by what passes through.
    private var warm: UnsafeMutableRawPointer?

    init(_ limits: HeadLimits, bytes: Int) {
        dataBytes = (limits.headBytes + BlockPool.growth + 63) & ~63
        blockBytes = dataBytes + limits.fields * MemoryLayout<Field>.stride
        limit = max(4, bytes / blockBytes)
    }

    /// A block, or nil when the worker's memory is used up.
    mutating func take() -> Block? {
        if let block = BlockPool.pop(&free) ?? BlockPool.pop(&warm) { return block }
        guard allocated < limit, let memory = malloc(blockBytes) else { return nil }
        allocated += 1
        return memory.assumingMemoryBound(to: UInt8.self)
    }

    mutating func giveBack(_ block: Block) { BlockPool.push(block, &free) }

    /// A block for what passes through, or nil when the worker's memory is used up.
    mutating func takePassing() -> Block? { BlockPool.pop(&warm) ?? take() }

    mutating func giveBackPassing(_ block: Block) { BlockPool.push(block, &warm) }

    private static func pop(_ list: inout UnsafeMutableRawPointer?) -> Block? {
        guard let block = list else { return nil }
        list = block.load(as: UnsafeMutableRawPointer?.self)
        return block.assumingMemoryBound(to: UInt8.self)
    }

    private static func push(_ block: Block, _ list: inout UnsafeMutableRawPointer?) {
        let raw = UnsafeMutableRawPointer(block)
        raw.storeBytes(of: list, as: UnsafeMutableRawPointer?.self)
        list = raw
    }

    /// The room for fields at the end of a block.
    @inline(__always)
    func fields(of block: Block) -> UnsafeMutablePointer<Field> {
        UnsafeMutableRawPointer(block + dataBytes).assumingMemoryBound(to: Field.self)
    }

    /// Returns the free blocks to the system.
    mutating func deallocate() {
        while let block = BlockPool.pop(&free) ?? BlockPool.pop(&warm) {
            Glibc.free(block)
            allocated -= 1
        }
    }
}
