import Linux
import Proxy
import Testing

@testable import Peer

/// What hosts report of their CPUs' pressure, on its way to the proxy.
@Suite struct HostPressureTests {
    @Test(
        arguments: [
            (["psi_cpu_some": "25", "cpu": "0.5"], 0.25), (["psi_cpu_some": "25", "cpu": "0.9"], 0.5),
            (["psi_cpu_some": "0", "cpu": "0.2"], 0), (["psi_cpu_some": "100"], 1),
            (["cpu": "0.9"], 0.5), (["cpu": "0.8"], 0), (["cpu": "1"], 1), ([:], nil),
        ] as [([String: String], Double?)])
    func itIsTheWaitingOrTheBusyWhicheverIsMore(_ fields: [String: String], _ pressure: Double?) {
        let found = HostReport(fields: fields).pressure
        #expect(found.map { ($0 * 100).rounded() } == pressure.map { ($0 * 100).rounded() })
    }

    @Test(.timeLimit(.minutes(1))) func theProxyHearsOfTheHostsOfItsServers() throws {
        let proxy = try Proxy(
            ProxySettings(listen: try SocketAddress("127.0.0.1:0", allowingPortZero: true), workers: 1))
        defer { proxy.stop() }
        let router = try Router(proxy: proxy, health: HealthSettings()) { _ in }
        defer { router.stop() }
        router.route([
            ServerEntry(address: try SocketAddress("127.0.0.1:1"), host: "hot"),
            ServerEntry(address: try SocketAddress("127.0.0.2:1"), host: "cold"),
        ])
        var book = HostBook()
        let line = { (name: String, some: String) in
            HostBook.Line(name: name, fields: ["seq": "1", "psi_cpu_some": some], ageByStore: 0)
        }
        book.take([line("hot", "80"), line("cold", "0"), line("elsewhere", "50")], at: .now())
        func pressures() -> [Double?] { proxy.snapshot().servers.map(\.pressure) }
        #expect(pressures() == [nil, nil])
        #expect(book.pressures(at: .now().advanced(milliseconds: 60_000)).isEmpty, "too old")
        router.note(pressures: book.pressures(at: .now()))
        let told = pressures().compactMap { $0 }
        #expect(told.contains { (0.5...0.8).contains($0) } && told.contains(0))
    }
}
