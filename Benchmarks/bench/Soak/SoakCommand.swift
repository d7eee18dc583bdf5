import ArgumentParser
import Glibc

/// `bench soak`: a troop under load and trouble for a long time.
struct SoakCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak",
        abstract:
            "Load through the proxy while servers, leaders, flags and Redis change; nothing may grow or fail."
    )

    @Option(name: .customLong("for"), help: "How long: 90s, 3m, 2h; a minute at least.")
    var duration = "30m"
    @Option(help: "The troop binary; by default the one beside this program.")
    var troop: String?

    private static let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600]
    private static let secondsMin = 60.0

    private var seconds: Double? {
        guard let unit = duration.last.flatMap({ SoakCommand.units[$0] }),
            let count = Int(duration.dropLast())
        else { return nil }
        return Double(count) * unit
    }

    func validate() throws {
        guard let seconds, seconds >= SoakCommand.secondsMin else {
            throw ValidationError("--for is '\(duration)'; expected a minute or more, as 90s, 3m or 2h")
        }
    }

    func run() throws {
        let program = troop ?? "\(Bench.programs())/troop"
        guard access(program, X_OK) == 0 else {
            throw BenchFault("there is no program \(program); use --troop PATH")
        }
        var isGood = false
        try Bench.onStage { stage, _ in
            Bench.say(
                "\n# soak: three agents, \(Soak.requestsPerSecond) requests a second, for \(duration)")
            var soak = try Soak(seconds: seconds ?? 0, program: program, stage: stage)
            isGood = try soak.run()
        }
        if !isGood { throw ExitCode.failure }
    }
}
