import ArgumentParser
import Glibc
import Peer
import UnixSignals

/// `troop demo`: a whole troop on this machine, to look at and to break.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run a whole troop on loopback: Redis, agents, sample servers, the proxy.")

    @Option(help: "How many agents, each with a sample server: 1 to 50.")
    var agents = 3
    @Option(help: "The proxy's port on 127.0.0.1.")
    var port: UInt16 = 8080
    @Option(
        name: .customLong("keep-running-for"),
        help: "Stop after this long, as 30s or 5m (default: until Ctrl-C).")
    var keepRunningFor: TimeSpan?

    func validate() throws {
        guard (1...50).contains(agents) else {
            throw ValidationError("--agents is \(agents); expected 1 to 50")
        }
        guard port > 0 else { throw ValidationError("--port is 0; expected 1 to 65535") }
    }

    func run() async throws {
        let troop: DemoTroop
        do {
            troop = try DemoTroop(agents: agents, proxyPort: port)
        } catch {
            ExitStatus.complain("\(error)")
            throw ExitStatus.degraded
        }
        defer { troop.remove() }
        let show = DemoShow(troop)
        // Trapped from here on: whatever happens, children and files go first.
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        let register = ChildProcess.Register()
        let redis = Task { await troop.redis.keep(register) }
        let apps = Task { await DemoCommand.keepAll(troop.members.map(troop.app), register) }
        var agents: Task<Void, Never>?
        do {
            try await show.prepare(register)
            agents = Task { await DemoCommand.keepAll(troop.members.map(troop.agent), register) }
        } catch {
            ExitStatus.complain("\(error)")
        }
        var failed = agents == nil
        if agents != nil {
            failed = await withTaskGroup(of: Bool?.self) { group in
                group.addTask {
                    for await _ in signals { break }
                    return false
                }
                if let keepRunningFor {
                    group.addTask {
                        try? await Task.sleep(for: .milliseconds(keepRunningFor.milliseconds))
                        return false
                    }
                }
                group.addTask { await show.run(register) ? nil : true }
                defer { group.cancelAll() }
                for await outcome in group { if let outcome { return outcome } }
                return false
            }
        }
        Output.line("\nstopping")
        for task in [agents, apps, redis].compactMap({ $0 }) {
            task.cancel()
            await task.value
        }
        if failed { throw ExitStatus.degraded }
    }

    private static func keepAll(_ children: [ChildProcess], _ register: ChildProcess.Register) async {
        await withTaskGroup(of: Void.self) { group in
            for child in children { group.addTask { await child.keep(register) } }
        }
    }
}
