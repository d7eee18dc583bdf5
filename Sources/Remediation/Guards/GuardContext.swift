/// Everything that the guards look at, gathered at one moment.
package struct GuardContext: Sendable {
    /// The hosts with their reports counted, not named.
    package struct Reports: Sendable, Equatable {
        package var hosts = 0
        package var fresh = 0

        /// Counts of all hosts and of those that report in time.
        package init(hosts: Int = 0, fresh: Int = 0) {
            self.hosts = hosts
            self.fresh = fresh
        }
    }

    /// What the provider said of the cluster's machines.
    package enum Fleet: Sendable, Equatable {
        /// No provider is configured.
        case noProvider
        /// It was not asked yet, or did not answer; why.
        case unreadable(String)
        /// It counts so many machines of this cluster that are alive.
        case counted(Int)
    }

    /// A launch or a retirement that has ended.
    package struct Scaling: Sendable, Equatable {
        /// What was done, for people: `a server was launched`.
        package var what: String
        package var agoMilliseconds: Int64
        /// How many failed in a row, this one included.
        package var failures: Int

        /// One that ended so long ago.
        package init(_ what: String = "a server was launched", agoMilliseconds: Int64, failures: Int = 0) {
            self.what = what
            self.agoMilliseconds = agoMilliseconds
            self.failures = failures
        }
    }

    package var settings = RemediationSettings()
    /// Why the troop is paused by a person; nil when it is not.
    package var pause: String?
    /// Why the monkeys are paused by a person; nil when they are not.
    package var monkeysPause: String?
    /// Why Redis is unwell; nil while it answers.
    package var storeFault: String?
    /// How long this leader has led, in milliseconds.
    package var ledMilliseconds: Int64 = .max
    package var reports = Reports()
    /// Servers of the list that are active, and those of them that pass their checks.
    package var activeServers = 0
    package var healthyServers = 0
    /// Servers that operations have taken out of service: they are missed, where those that people took out are not.
    package var treatedServers = 0
    /// Active servers that do not pass their checks, by address: without them nothing is lost.
    package var sickServers: Set<String> = []
    /// Servers on the list at all, and those of them that run on launched machines.
    package var servers = 0
    package var launchedServers = 0
    /// The list itself.
    package var list: [FleetView.Server] = []
    /// The boot ids of hosts that report, by name: different ones are different machines.
    package var boots: [String: String] = [:]
    /// The proxy serves from all servers below this percentage of healthy ones.
    package var panicPercent = 50
    package var leader = ""
    /// Hosts that people hold, and why.
    package var holds: [String: String] = [:]
    /// Hosts in quarantine, and why.
    package var quarantine: [String: String] = [:]
    /// Operations that have not ended.
    package var operations: [Operation] = []
    /// Operations of the doctor and of the gift monkey that were opened within the last hour.
    package var rebootsLastHour = 0
    package var launchesLastHour = 0
    /// The last time that the fleet was made larger or smaller; nil when there was none.
    package var lastScaling: Scaling?
    /// How long ago each host's last remedy ended, in milliseconds.
    package var lastRemedy: [String: Int64] = [:]
    package var fleet = Fleet.noProvider
    /// Why the fleet is in a storm; nil when it is not.
    package var storm: String?
    /// The wall clock, for maintenance windows, in milliseconds since 1970.
    package var wallMs: Int64 = 0

    /// Addresses at which Redis is, where it is on hosts of this troop.
    package var storeHosts: Set<String> = []

    /// A context in which nothing is wrong and nothing is known.
    package init() {}

    /// Counts the servers of the list.
    package mutating func count(_ list: [FleetView.Server]) {
        let active = list.filter { $0.state == .active }
        self.list = list
        servers = list.count
        launchedServers = list.count { $0.host.hasPrefix(GiftPolicy.namePrefix) }
        activeServers = active.count
        healthyServers = active.count { $0.isHealthy == true }
        sickServers = Set(active.filter { $0.isHealthy != true }.map(\.address))
        treatedServers = list.count { $0.state != .active && $0.by.hasPrefix("op:") }
    }
}
