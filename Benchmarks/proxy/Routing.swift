import Glibc
import Linux
import Proxy

/// Picks timed together, and publications timed one by one.
private let picks = 5_000_000
private let publications = 21
private let workers = 2
private let settleMilliseconds: Int64 = 2_000

/// Prints what a pick costs with a list of that length, and how long a changed list takes to reach all workers.
func measureRouting(servers count: Int) throws {
    let servers = try (0..<count).map { index in
        RoutedServer(
            address: try SocketAddress(
                host: "10.\(index >> 16 & 255).\(index >> 8 & 255).\(index & 255)", port: 80),
            host: "h\(index)", state: .active, weight: 50 + index % 100)
    }
    for balance in Balance.allCases {
        let trial = RoutingTrial(servers, balance: balance, picks: picks)
        print("pick \(balance.rawValue) \(trial.pickNanoseconds) \(trial.sum)")
    }
    let proxy = try Proxy(
        ProxySettings(listen: try SocketAddress("127.0.0.1:0", allowingPortZero: true), workers: workers))
    var longest: Int64 = 0
    var all: [Int64] = []
    for round in 0..<publications {
        // Each list lacks another server: a change, not a repetition.
        var list = servers
        if !list.isEmpty { list.remove(at: round * 37 % list.count) }
        let start = Instant.now()
        proxy.publish(list)
        while !proxy.hasSettled {
            guard Instant.now().milliseconds(since: start) < settleMilliseconds else {
                print("workers did not take the list over")
                exit(1)
            }
            sched_yield()
        }
        let took = Instant.now().nanoseconds - start.nanoseconds
        if round > 0 { all.append(took) }  // the first one fills all slots
        longest = max(longest, took)
    }
    proxy.stop()
    all.sort()
    print("publish \(Double(all[all.count / 2]) / 1e6) \(Double(longest) / 1e6)")
}
