import ArgumentParser

/// What the measurement of failover can be told.
struct ElectionOptions: ParsableArguments {
    @Option(help: "The troop binary; by default the one beside this program.")
    var troop: String?

    @Option(help: "Leaders that are struck, for each way of striking.")
    var strikes = 30

    func validate() throws {
        guard (1...1000).contains(strikes) else { throw ValidationError("--strikes: 1 to 1000") }
    }
}

struct ElectionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "election",
        abstract: "How long a troop is without a leader, and what the election costs.")
    @OptionGroup var options: ElectionOptions
    @OptionGroup var goals: GoalOptions

    func run() throws {
        try Bench.onStage { try ElectionBench(options, stage: $0, machine: $1).run() }
        try goals.hold()
    }
}
