import ArgumentParser
import Glibc
import Peer

/// `troop resign`: gives up what this host's agent held when it died; for `ExecStopPost` of the unit.
struct ResignCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resign",
        abstract: "Give up the lease and the address of this host's agent, if it died holding them.",
        usage: "troop resign [--config FILE]",
        discussion: """
            For ExecStopPost= of the agent's unit: another host is then elected at once and not only when the lease \
            ends. It takes nothing that a running process holds, so that it may be run at any time. To hand over from a \
            running agent, use 'troop switchover'.
            """)

    @Option(name: [.short, .long], help: "The agent's configuration file.")
    var config = "/etc/troop/troop.yaml"

    func run() async throws {
        let resignation: Resignation
        do {
            resignation = Resignation(
                try Configuration.load(path: config, environment: AgentCommand.environment))
        } catch {
            for line in "\(error)".split(separator: "\n") { ExitStatus.complain(String(line)) }
            throw ExitStatus.degraded
        }
        var code: ExitCode?
        switch resignation.lease() {
        case .none: Output.line("no lease to resign: this host's agent held none")
        case .alive(let pid):
            ExitStatus.complain(
                "the agent runs (process \(pid)) and keeps its lease; stop it, or use 'troop switchover'")
            throw ExitStatus.degraded
        case .released(let token):
            Output.line("resigned: the lease \(token) is free, another host is elected now")
        case .over(let token): Output.line("nothing to resign: the lease \(token) had ended already")
        case .unreachable(let token, let fault):
            ExitStatus.complain("the lease \(token) was not resigned and ends by itself: \(fault)")
            code = ExitStatus.storeUnreachable
        }
        switch resignation.address() {
        case nil: break
        case .removed(let address): Output.line("removed \(address)")
        case .kept: Output.line("an agent answers on this host: the leader's address is left to it")
        case .failed(let why):
            ExitStatus.complain("the leader's address may be on this host still: \(why)")
            code = ExitStatus.degraded
        }
        if let code { throw code }
    }
}
