/// What agents do less often as their troop grows, so that Redis and the leader bear ten thousand of them.
///
/// It follows from the number of hosts alone (`ZCARD hosts`, asked once in ten seconds), so that an agent needs to read
/// nothing of the others to know its part.
package struct TroopScale: Equatable, Sendable {
    /// The hosts of the troop, silent ones included.
    package var hosts: Int

    /// How often a host reports in a troop of up to `hostsPerSecond`, in milliseconds.
    package static let reportMillisecondsMin: Int64 = 1000
    /// A silent host is shown as lost after ten intervals, and its report is kept for five minutes: no longer interval
    /// than this, in milliseconds.
    package static let reportMillisecondsMax: Int64 = 30_000
    /// Reports that Redis takes in a second, of the whole troop.
    package static let hostsPerSecond = 2500
    /// In a larger troop only those that may lead next read the other hosts' reports and the whole server list.
    package static let closeTroop = 500
    /// How many of a larger troop those are; it is by chance, and the chance that there is none is one in 20,000.
    package static let near = 10
    /// Bytes a second of all agents that read the whole server list though they may not lead next.
    private static let listBytesPerSecond = 4_000_000
    /// What one entry of the server list takes in a reply, about.
    private static let entryBytes = 150
    /// How often an agent of a small troop reads the server list, in milliseconds.
    private static let listMillisecondsMin: Int64 = 2000

    /// The scale of a troop of so many hosts.
    package init(hosts: Int) { self.hosts = max(0, hosts) }

    /// How often each host reports, and looks for what nobody hinted at, in milliseconds: whole seconds.
    package var reportMilliseconds: Int64 {
        let seconds = (hosts + TroopScale.hostsPerSecond - 1) / TroopScale.hostsPerSecond
        return min(
            max(Int64(seconds) * 1000, TroopScale.reportMillisecondsMin), TroopScale.reportMillisecondsMax)
    }

    /// How often the leader reads all reports, in milliseconds: twice between two of a host.
    package var readMilliseconds: Int64 {
        max(reportMilliseconds / 2, TroopScale.reportMillisecondsMin)
    }

    /// How often an agent that is far reads a whole list of `servers` entries, in milliseconds.
    package func listMilliseconds(servers: Int) -> Int64 {
        let bytes = Int64(hosts) * Int64(servers) * Int64(TroopScale.entryBytes)
        return max(bytes * 1000 / Int64(TroopScale.listBytesPerSecond), TroopScale.listMillisecondsMin)
    }

    /// Whether the agent of this host neither leads next nor knows the others; false for one that a person gave a higher
    /// priority than the usual.
    package func isFar(_ host: String, isPreferred: Bool) -> Bool {
        guard hosts > TroopScale.closeTroop, !isPreferred else { return false }
        return Candidacy.rank(host) > UInt64.max / UInt64(hosts) * UInt64(TroopScale.near)
    }
}
