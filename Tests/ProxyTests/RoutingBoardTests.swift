import Linux
import Testing

@testable import Proxy

/// Tables as they follow from what is noted, with time moved by hand.
@Suite struct RoutingBoardTests {
    private let second: Int64 = 1_000_000_000

    private func addresses(_ count: Int, net: Int = 0) throws -> [SocketAddress] {
        try (0..<count).map { try SocketAddress(host: "10.\(net).\($0 / 250).\($0 % 250 + 1)", port: 80) }
    }

    private func publish(_ board: RoutingBoard, _ servers: [RoutedServer], at now: Int64 = 1) {
        board.publish(servers, at: now, isFree: { _, _ in true }, clear: { _ in })
    }

    private func refresh(_ board: RoutingBoard, at now: Int64 = 1) -> Bool {
        board.refresh(at: now, isFree: { _, _ in true }, clear: { _ in })
    }

    private func eligible(_ board: RoutingBoard) -> Set<SocketAddress> {
        let table = board.table
        let slots = (0..<table.eligible).map { Int(table.ranked[$0]) }
        return Set(table.entries.filter { slots.contains($0.slot) }.map(\.server.address))
    }

    private func ejected(_ board: RoutingBoard) -> Set<SocketAddress> {
        Set(board.standings().filter { $0.standing.ejection.until != nil }.map(\.entry.server.address))
    }

    @Test func manyNotesMakeOneTable() throws {
        let board = RoutingBoard(BalancingSettings())
        let all = try addresses(100)
        publish(board, all.map { RoutedServer(address: $0, host: "h") })
        let before = board.table.generation
        for address in all.prefix(60) { #expect(board.note([(address, .passed)])) }
        #expect(board.table.generation == before && eligible(board).count == 100)
        #expect(refresh(board))
        #expect(board.table.generation == before + 1 && eligible(board) == Set(all.prefix(60)))
        #expect(!refresh(board))
        #expect(!board.note([(all[0], .passed)]))
    }

    @Test func aPublishedListKeepsWhatIsKnown() throws {
        let board = RoutingBoard(BalancingSettings())
        let all = try addresses(4)
        publish(board, all.map { RoutedServer(address: $0, host: "h") })
        _ = board.note([(all[0], .passed), (all[1], .passed), (all[2], .dead)])
        publish(board, all.reversed().map { RoutedServer(address: $0, host: "h", weight: 7) })
        #expect(eligible(board) == [all[0], all[1]])
        publish(board, all.map { RoutedServer(address: $0, host: "h", rank: .unchecked) })
        #expect(eligible(board) == Set(all))
    }

    @Test func repeatedAddressesCountOnceAndUnknownNotesAreDropped() throws {
        let board = RoutingBoard(BalancingSettings())
        let all = try addresses(2)
        publish(board, [all[0], all[0], all[1], all[0]].map { RoutedServer(address: $0, host: "h") })
        #expect(board.table.entries.map(\.server.address) == all)
        #expect(!board.note([(try SocketAddress("10.9.9.9:1"), .dead)]))
    }

    @Test func slotsAreReusedOnlyWhenFree() throws {
        let board = RoutingBoard(BalancingSettings())
        let old = try addresses(RoutingBoard.slots)
        publish(board, old.map { RoutedServer(address: $0, host: "h") })
        #expect(board.table.entries.count == RoutingBoard.slots)
        let new = try addresses(50, net: 7)
        var cleared = 0
        board.publish(
            new.map { RoutedServer(address: $0, host: "h") }, at: 1, isFree: { _, _ in false },
            clear: { _ in cleared += 1 })
        #expect(board.table.entries.isEmpty && cleared == 0)
        // They are not forgotten: as soon as slots are free they get them.
        let moved = board.refresh(at: 1, isFree: { slot, _ in slot < 30 }, clear: { _ in cleared += 1 })
        #expect(moved && board.table.entries.count == 30 && cleared == 30)
        #expect(board.refresh(at: 1, isFree: { _, _ in true }, clear: { _ in cleared += 1 }))
        #expect(Set(board.table.entries.map(\.server.address)) == Set(new) && cleared == 50)
        #expect(Set(board.table.entries.map(\.slot)).count == 50)
    }

    @Test func aRefusedConnectCountsAtOnceAndLapses() throws {
        let board = RoutingBoard(BalancingSettings())
        let all = try addresses(3)
        publish(board, all.map { RoutedServer(address: $0, host: "h") })
        let slot = try #require(board.table.entries.first { $0.server.address == all[1] }).slot
        func look(_ refused: UInt64, at now: Int64) -> [SocketAddress] {
            board.look(at: now) { $0 == slot ? Outcomes(failed: refused, refused: refused) : Outcomes() }
                .refused
        }
        #expect(look(1, at: 10 * second) == [all[1]])
        #expect(refresh(board, at: 10 * second))
        #expect(eligible(board) == [all[0], all[2]])
        #expect(look(1, at: 12 * second) == [])
        #expect(!refresh(board, at: 12 * second))
        #expect(look(1, at: 16 * second) == [])
        #expect(refresh(board, at: 16 * second))
        #expect(eligible(board) == Set(all))
    }

    @Test func aPassedCheckEndsARefusal() throws {
        let board = RoutingBoard(BalancingSettings())
        let all = try addresses(2)
        publish(board, all.map { RoutedServer(address: $0, host: "h", rank: .passed) })
        let slot = try #require(board.table.entries.first).slot
        _ = board.look(at: second) { $0 == slot ? Outcomes(failed: 1, refused: 1) : Outcomes() }
        #expect(refresh(board, at: second) && eligible(board) == [all[1]])
        #expect(board.note([(all[0], .passed)]))
        #expect(refresh(board, at: second) && eligible(board) == Set(all))
    }

    @Test func halfOfTheServersAreEjectedAtMost() throws {
        let board = RoutingBoard(BalancingSettings())
        let all = try addresses(6)
        publish(board, all.map { RoutedServer(address: $0, host: "h") })
        _ = board.look(at: second) { $0 < 5 ? Outcomes(failed: 9, streak: 9) : Outcomes(answered: 9) }
        #expect(refresh(board, at: second))
        #expect(board.standings().filter { $0.standing.ejection.until != nil }.count == 3)
        #expect(eligible(board).count == 3)
        // Half a minute later they are back.
        _ = board.look(at: 31 * second) { $0 < 5 ? Outcomes(failed: 9, streak: 9) : Outcomes(answered: 9) }
        #expect(refresh(board, at: 31 * second))
        #expect(eligible(board) == Set(all))
    }

    @Test func aShorterListTakesEjectedServersBack() throws {
        let board = RoutingBoard(BalancingSettings())
        let all = try addresses(4)
        let servers = all.map { RoutedServer(address: $0, host: "h") }
        publish(board, servers)
        func look(_ at: Int64, _ failing: Set<Int> = []) {
            _ = board.look(at: at) { failing.contains($0) ? Outcomes(failed: 9, streak: 9) : Outcomes() }
        }
        look(second, [0])
        look(5 * second, [0, 1])
        #expect(ejected(board) == [all[0], all[1]])
        publish(board, Array(servers.prefix(3)), at: 6 * second)
        look(6 * second, [0, 1])
        look(7 * second, [0, 1])
        #expect(ejected(board) == [all[1]])
        #expect(refresh(board, at: 7 * second) && eligible(board) == [all[0], all[2]])
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

    /// In a panic the failed ones serve: they are warm, and one that comes back must not get less than those that do not.
    @Test func whoServedInAPanicStartsAtOnce() throws {
        let board = RoutingBoard(BalancingSettings())
        let all = try addresses(10)
        publish(board, all.map { RoutedServer(address: $0, host: "h") }, at: second)
        board.noteServing(since: second)
        _ = board.note(all.map { ($0, .passed) })
        #expect(refresh(board, at: 50 * second))
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

    /// What is down by the checks' word needs no ejection and takes up none of the room.
    @Test func serversThatAreDownAnywayAreNotEjected() throws {
        let board = RoutingBoard(BalancingSettings())
        let all = try addresses(6)
        publish(board, all.map { RoutedServer(address: $0, host: "h") })
        _ = board.note(all.map { ($0, .passed) })
        _ = board.look(at: second) { $0 == 0 ? Outcomes(failed: 9, streak: 9) : Outcomes(answered: 9) }
        #expect(ejected(board) == [all[0]])
        _ = board.note([(all[0], .failed), (all[1], .failed)])
        _ = board.look(at: 2 * second) {
            $0 == 0
                ? Outcomes(failed: 18, streak: 18)
                : $0 < 3 ? Outcomes(answered: 9, failed: 9, streak: 9) : Outcomes(answered: 18)
        }
        #expect(ejected(board) == [all[0], all[2]])
        // A good check after a bad one ends the ejection: its failures were those of that time.
        _ = board.note([(all[0], .passed)])
        _ = board.look(at: 3 * second) {
            $0 < 3 ? Outcomes(answered: 18, failed: 18) : Outcomes(answered: 18)
        }
        #expect(ejected(board) == [all[2]])
    }

    @Test func aServerThatIsIllMovesNobodyElsesClients() throws {
        var settings = BalancingSettings()
        settings.stickiness = .address
        let board = RoutingBoard(settings)
        let all = try addresses(33)
        publish(board, all.map { RoutedServer(address: $0, host: "h") })
        _ = board.note(all.map { ($0, .passed) })
        #expect(refresh(board, at: second))
        func ring() -> [Int32] { (0..<board.table.ring.count).map { board.table.ring[$0] } }
        let before = ring()
        _ = board.note([(all[7], .failed)])
        #expect(refresh(board, at: 2 * second) && eligible(board).count == 32)
        #expect(ring() == before)
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

    @Test func pressureReachesTheSlotsOfItsHostWithoutATable() throws {
        let board = RoutingBoard(BalancingSettings())
        let all = try addresses(2)
        publish(
            board,
            [
                RoutedServer(address: all[0], host: "hot"), RoutedServer(address: all[1], host: "cool"),
            ])
        let generation = board.table.generation
        board.note(pressures: ["hot": (0.75, Instant(nanoseconds: 10 * second)), "gone": (1, .now())])
        let slots = board.table.entries.map(\.slot)
        #expect(board.signals.pressure(slots[0], at: 13 * second) == (0.75, 3 * second))
        #expect(board.signals.pressure(slots[1], at: 13 * second).value == 0)
        #expect(board.table.generation == generation)
    }

    @Test func placesAreWrittenAsTheKernelAndPeopleReadThem() throws {
        for text in ["10.0.0.5:3000", "255.255.255.255:65535", "0.0.0.0:1", "[fd00::5]:80"] {
            let address = try SocketAddress(text)
            let place = ServerPlace(address, incarnation: 1)
            let written = (0..<Int(place.textLength)).map { place.text[$0] }
            #expect(String(decoding: written, as: UTF8.self) == text)
            #expect(place.family == address.family)
        }
    }
}
