import Linux
import Testing

@testable import Proxy

/// Which servers get a small share at first.
@Suite struct SlowStartTests: BoardSuite {
    /// A board that has served for a second, with servers that have all passed, and their addresses.
    private func begun(_ count: Int) throws -> (board: RoutingBoard, all: [SocketAddress]) {
        let board = RoutingBoard(BalancingSettings())
        let all = try addresses(count)
        publish(board, all.map { RoutedServer(address: $0, host: "h") }, at: second)
        board.noteServing(since: second)
        _ = board.note(all.map { ($0, .passed) })
        #expect(refresh(board, at: 2 * second))
        return (board, all)
    }

    @Test func aServerThatComesUpLaterStartsSlowly() throws {
        let board = RoutingBoard(BalancingSettings())
        let all = try addresses(3)
        let servers = all.map { RoutedServer(address: $0, host: "h") }
        publish(board, Array(servers.prefix(2)), at: second)
        board.noteServing(since: second)
        _ = board.note(all.prefix(2).map { ($0, .passed) })
        #expect(refresh(board, at: 2 * second))
        #expect(board.standings().allSatisfy { $0.standing.rampStart == 0 })  // all are new
        publish(board, servers, at: 40 * second)
        #expect(board.standings()[2].standing.rampStart == 0)  // not in service yet
        _ = board.note([(all[2], .passed)])
        #expect(refresh(board, at: 50 * second))
        #expect(board.standings().map(\.standing.rampStart) == [0, 0, 50 * second])
        let mark = try #require((0..<3).map { board.table.marks[$0] }.first { $0.rampStart > 0 })
        #expect(mark.isEligible && Int(mark.slot) == board.standings()[2].entry.slot)
        // Down and up again: a new start.
        _ = board.note([(all[0], .failed)])
        #expect(refresh(board, at: 90 * second))
        _ = board.note([(all[0], .passed)])
        #expect(refresh(board, at: 100 * second))
        #expect(board.standings().map(\.standing.rampStart) == [100 * second, 0, 50 * second])
    }

    /// Servers are restarted one after the other: the next one must not get more than one that is still on its way up.
    @Test func inARollingRestartEachStartsSlowly() throws {
        let (board, all) = try begun(2)
        for (down, up, address) in [(Int64(50), Int64(52), all[0]), (60, 62, all[1])] {
            _ = board.note([(address, .dead)])
            #expect(refresh(board, at: down * second))
            _ = board.note([(address, .passed)])
            #expect(refresh(board, at: up * second))
        }
        #expect(board.standings().map(\.standing.rampStart) == [52 * second, 62 * second])
    }

    /// All applications were down at once: who comes back first is as cold as the rest, and must not get everything.
    @Test func afterAnOutageOfAllNobodyStartsSlowly() throws {
        let (board, all) = try begun(4)
        _ = board.note(all.map { ($0, .dead) })
        #expect(refresh(board, at: 600 * second))
        for (index, address) in all.prefix(3).enumerated() {
            _ = board.note([(address, .passed)])
            #expect(refresh(board, at: Int64(601 + index) * second))
        }
        #expect(board.standings().allSatisfy { $0.standing.rampStart == 0 })
        // Later they are the old ones.
        _ = board.note([(all[3], .passed)])
        #expect(refresh(board, at: 640 * second))
        #expect(board.standings().map(\.standing.rampStart) == [0, 0, 0, 640 * second])
    }

    /// The one that is well would get less than those that are not.
    @Test func inAPanicNobodyStartsSlowly() throws {
        let board = RoutingBoard(BalancingSettings())
        let all = try addresses(3)
        publish(board, all.map { RoutedServer(address: $0, host: "h") }, at: second)
        board.noteServing(since: second)
        _ = board.note(all.prefix(2).map { ($0, .passed) } + [(all[2], .failed)])
        #expect(refresh(board, at: 2 * second))
        _ = board.note([(all[2], .passed)])
        #expect(refresh(board, at: 60 * second))
        #expect((0..<3).map { board.table.marks[$0].rampStart } == [0, 0, 60 * second])
        _ = board.note(all.prefix(2).map { ($0, .failed) })
        #expect(refresh(board, at: 61 * second) && eligible(board) == Set(all))
        #expect((0..<3).map { board.table.marks[$0].rampStart } == [0, 0, 0])
        // It goes on where it was when the panic is over.
        _ = board.note([(all[0], .passed)])
        #expect(refresh(board, at: 62 * second))
        #expect(board.table.marks[2].rampStart == 60 * second)
    }

    /// In a panic the failed ones serve: they are warm, and one that comes back must not get less than those that do not.
    @Test func whoServedInAPanicStartsAtOnce() throws {
        let (board, all) = try begun(10)
        _ = board.note(all.dropFirst(2).map { ($0, .failed) })
        #expect(refresh(board, at: 60 * second) && eligible(board) == Set(all))
        _ = board.note([(all[2], .passed)])
        #expect(refresh(board, at: 70 * second) && eligible(board) == Set(all))
        #expect(board.standings().allSatisfy { $0.standing.rampStart == 0 })
        // Out of the panic one that was left out is cold again.
        _ = board.note(all[3...6].map { ($0, .passed) })
        #expect(refresh(board, at: 80 * second) && eligible(board) == Set(all.prefix(7)))
        _ = board.note([(all[7], .passed)])
        #expect(refresh(board, at: 90 * second))
        #expect(board.standings().map(\.standing.rampStart) == [0, 0, 0, 0, 0, 0, 0, 90 * second, 0, 0])
    }

    @Test func soonAfterTheStartNobodyStartsSlowly() throws {
        let board = RoutingBoard(BalancingSettings())
        let all = try addresses(2)
        board.noteServing(since: second)
        publish(board, all.map { RoutedServer(address: $0, host: "h") }, at: second)
        _ = board.note([(all[0], .passed)])
        #expect(refresh(board, at: 2 * second))
        _ = board.note([(all[1], .passed)])
        #expect(refresh(board, at: 20 * second))
        #expect(board.standings().allSatisfy { $0.standing.rampStart == 0 })
    }

    @Test func aSlowStartIsAStraightLine() {
        func share(_ now: Int64) -> Float { SlowStart.share(start: 100, length: 1_000, at: now) }
        #expect([100, 150, 600, 1_099, 1_100, 9_000].map(share) == [0.1, 0.1, 0.5, 0.999, 1, 1])
        #expect(SlowStart.share(start: 0, length: 1_000, at: 5) == 1)
        #expect(SlowStart.share(start: 5, length: 0, at: 5) == 1)
    }
}
