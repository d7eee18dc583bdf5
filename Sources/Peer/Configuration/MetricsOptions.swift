import Metrics

extension OptionTable {
    /// The options that say what is measured and remembered.
    static var metering: [ConfigurationOption] {
        [
            ConfigurationOption(
                "metrics.scope", .oneOf(), into: \.metrics.scope, .text("host"),
                "Whose CPU and memory are reported: the whole host's, those of a control group, or those of one process tree (with the drop-in `processes.conf`)."
            ),
            ConfigurationOption(
                "metrics.pid_file", .path, into: \.metrics.pidFile, .none,
                "The file with the process id; required with scope `process`, without use otherwise."),
            ConfigurationOption(
                "metrics.cgroup", .path, into: \.metrics.cgroup, .derived("the agent's own"),
                "The control group of scope `cgroup`, from its tree's root: `/system.slice/app.service`."),
            ConfigurationOption(
                "metrics.cpu_allowance", .cores, into: \.metrics.cpuAllowance,
                .derived("what the control group may use, else the machine's cores"),
                "The cores that count as 100 % in scopes `cgroup` and `process`."),
            ConfigurationOption(
                "metrics.top", .whole(0...TopWatch.countMax), into: \.metrics.top, .text("0"),
                "How many of the processes that use most CPU are told of; looking for them costs some 10 µs for each "
                    + "process of the host, every five seconds. The package's unit needs the drop-in `processes.conf`."
            ),
            ConfigurationOption(
                "metrics.history_budget",
                .size(Int64(HistoryBook.budgetMin)...Int64(HistoryBook.budgetMax)),
                into: \.metrics.historyBudget,
                .text("64MiB"),
                "The memory for the history of all hosts, on the leader and the warm standbys; with more hosts it gets coarser."
            ),
        ]
    }
}

/// The section `metrics` as it was given.
struct MetricsDraft: Sendable {
    enum ScopeWord: String, Sendable, CaseIterable {
        case host, cgroup, process
    }

    var scope = ScopeWord.host
    var pidFile: String?
    var cgroup: String?
    var cpuAllowance: Double?
    var top = 0
    var historyBudget: Int64 = 0
}
