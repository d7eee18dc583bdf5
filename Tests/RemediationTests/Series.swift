import Linux
import Remediation

/// A table of CPU series: one row a host, one number a second, as the leader would see them.
struct Series {
    /// Percentages by host, second by second; nil: no report came; a host that is left out of `fresh` is silent for good.
    var rows: [String: [Int?]]
    var leader = "leader"
    var states: [String: FleetView.Server.State] = [:]
    var health: [String: Bool] = [:]
    /// Peers that do not reach a host's server.
    var words: [String: Set<String>] = [:]
    /// Hosts whose sequence number stands still from the second on.
    var frozen: [String: Int] = [:]

    var seconds: Int { rows.values.map(\.count).max() ?? 0 }

    /// The troop at one second.
    func view(at second: Int) -> FleetView {
        var hosts: [FleetView.Host] = []
        for (name, row) in rows {
            let upTo = min(second, frozen[name] ?? .max)
            guard let last = (0...upTo).last(where: { $0 < row.count && row[$0] != nil }) else { continue }
            hosts.append(
                FleetView.Host(
                    name: name, seq: "\(last)", isFresh: second - last <= 3,
                    busy: row[last].map { Double($0) / 100 }))
        }
        let servers = rows.keys.map { name in
            FleetView.Server(
                address: "\(name):3000", host: name, state: states[name] ?? .active,
                isHealthy: health[name] ?? true)
        }
        var view = FleetView(
            hosts: hosts.sorted { $0.name < $1.name }, servers: servers.sorted { $0.address < $1.address },
            leader: leader)
        view.words = words
        return view
    }

    static func instant(_ second: Int) -> Instant {
        Instant(nanoseconds: Int64(second + 1_000) * 1_000_000_000)
    }

    /// `value` for `count` seconds.
    static func flat(_ value: Int?, _ count: Int) -> [Int?] { Array(repeating: value, count: count) }

    /// The seconds at which the gift monkey wished for something, and for what.
    func gifts(_ settings: GiftSettings) -> [(second: Int, wish: Wish)] {
        var policy = GiftPolicy(settings)
        var wishes: [(second: Int, wish: Wish)] = []
        for second in 0..<seconds {
            if let wish = policy.look(at: view(at: second), now: Series.instant(second)).wish {
                wishes.append((second, wish))
            }
        }
        return wishes
    }

    /// What the doctor thought, second by second.
    func diagnoses(_ settings: DoctorSettings, gift: GiftSettings = GiftSettings()) -> [DoctorPolicy.Thought]
    {
        var doctor = DoctorPolicy(settings)
        var policy = GiftPolicy(gift)
        return (0..<seconds).map { second in
            let now = Series.instant(second)
            let view = view(at: second)
            let isHot = policy.look(at: view, now: now).isHot
            return doctor.look(at: view, fleetIsHot: isHot, now: now)
        }
    }
}
