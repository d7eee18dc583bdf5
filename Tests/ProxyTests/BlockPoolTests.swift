import HTTP
import Testing

@testable import Proxy

@Suite struct BlockPoolTests {
    /// The fewest blocks that a pool may hold, however little memory it is given.
    private static let fewest = 4

    private static func pool() -> BlockPool { BlockPool(HeadLimits(), bytes: 1) }

    @Test func `What passes through takes the block that the last of its kind has left`() {
        var pool = Self.pool()
        defer { pool.deallocate() }
        let request = pool.take()
        let response = pool.takePassing()
        #expect(request != response)
        if let response { pool.giveBackPassing(response) }
        if let request { pool.giveBack(request) }
        #expect(pool.takePassing() == response)
        #expect(pool.take() == request)
        if let response { pool.giveBackPassing(response) }
        if let request { pool.giveBack(request) }
    }

    @Test func `Each kind takes the other's blocks before memory is called used up`() {
        var pool = Self.pool()
        defer { pool.deallocate() }
        var blocks: [BlockPool.Block] = []
        while let block = pool.take() { blocks.append(block) }
        #expect(blocks.count == Self.fewest)
        #expect(pool.takePassing() == nil)

        pool.giveBack(blocks[0])
        #expect(pool.takePassing() == blocks[0])
        pool.giveBackPassing(blocks[1])
        #expect(pool.take() == blocks[1])
        #expect(pool.take() == nil)

        for block in blocks { pool.giveBack(block) }
    }

    @Test func `After its memory went back to the system a pool hands out as much as before`() {
        var pool = Self.pool()
        for _ in 1...2 {
            var blocks: [BlockPool.Block] = []
            while let block = pool.takePassing() { blocks.append(block) }
            #expect(blocks.count == Self.fewest)
            for (index, block) in blocks.enumerated() {
                if index.isMultiple(of: 2) { pool.giveBack(block) } else { pool.giveBackPassing(block) }
            }
            pool.deallocate()
        }
    }
}
