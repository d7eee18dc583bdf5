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
    /// Servers on the list at all.
    package var servers = 0
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
    /// How long ago the last launch ended, in milliseconds, and how many failed in a row; nil when there was none.
    package var lastLaunch: (agoMilliseconds: Int64, failures: Int)?
    /// How long ago each host's last remedy ended, in milliseconds.
    package var lastRemedy: [String: Int64] = [:]
    package var fleet = Fleet.noProvider
    /// Why the fleet is in a storm; nil when it is not.
    package var storm: String?
    /// The wall clock, for maintenance windows, in milliseconds since 1970.
    package var wallMs: Int64 = 0

    /// A context in which nothing is wrong and nothing is known.
    package init() {}
}
