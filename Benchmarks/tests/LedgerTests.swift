import Testing

@testable import bench

@Suite struct LedgerTests {
    @Test func aReportIsRead() throws {
        let head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        let report = "served 12 accepted 3 overflow 0\nhead 12 \(head.utf8.count)\n\(head)"
        let ledger = try Ledger(Array(report.utf8))
        #expect(ledger.served == 12)
        #expect(ledger.accepted == 3)
        #expect(ledger.heads.map(\.requestLine) == ["GET / HTTP/1.1"])
    }

    @Test(arguments: [
        "", "served x accepted 0 overflow 0\n", "served 1 accepted 1 overflow 2\n",
        "served 1 accepted 1 overflow 0\nhead 1 900\nGET", "served 1 accepted 1 overflow 0\nhead 1 3\nGET",
    ])
    func aBadReportIsRefused(_ report: String) {
        #expect(throws: BenchFault.self) { try Ledger(Array(report.utf8)) }
    }
}
