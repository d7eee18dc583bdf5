import Linux

@testable import Proxy

/// Suites that ask a board for its tables, with time moved by hand.
protocol BoardSuite {}

extension BoardSuite {
    var second: Int64 { 1_000_000_000 }

    func addresses(_ count: Int, net: Int = 0) throws -> [SocketAddress] {
        try (0..<count).map { try SocketAddress(host: "10.\(net).\($0 / 250).\($0 % 250 + 1)", port: 80) }
    }

    func publish(_ board: RoutingBoard, _ servers: [RoutedServer], at now: Int64 = 1) {
        board.publish(servers, at: now, isFree: { _, _ in true }, clear: { _ in })
    }

    func refresh(_ board: RoutingBoard, at now: Int64 = 1) -> Bool {
        board.refresh(at: now, isFree: { _, _ in true }, clear: { _ in })
    }

    func eligible(_ board: RoutingBoard) -> Set<SocketAddress> {
        let table = board.table
        let slots = (0..<table.eligible).map { Int(table.ranked[$0]) }
        return Set(table.entries.filter { slots.contains($0.slot) }.map(\.server.address))
    }

    func ejected(_ board: RoutingBoard) -> Set<SocketAddress> {
        Set(board.standings().filter { $0.standing.ejection.until != nil }.map(\.entry.server.address))
    }
}
