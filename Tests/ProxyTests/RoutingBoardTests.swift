import Linux
import Testing

@testable import Proxy

/// Tables as they follow from what is noted, with time moved by hand.
@Suite struct RoutingBoardTests: BoardSuite {
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

    @Test func whatWasCountedWhileNobodyLookedIsHeldAgainstNobody() throws {
        let board = RoutingBoard(BalancingSettings())
        let all = try addresses(4)
        publish(board, all.map { RoutedServer(address: $0, host: "h", rank: .passed) })
        // Requests that were under way when the proxy stopped to serve have failed since.
        let counts = Outcomes(failed: 50, refused: 1, streak: 50)
        board.rebase { _ in counts }
        board.noteServing(since: 100 * second)
        let look = board.look(at: 100 * second) { _ in counts }
        #expect(look.refused.isEmpty && !look.isUnsettled && ejected(board).isEmpty)
        _ = board.look(at: 101 * second) {
            $0 == 0 ? Outcomes(failed: 55, refused: 1, streak: 55) : counts
        }
        #expect(ejected(board) == [all[0]])
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
