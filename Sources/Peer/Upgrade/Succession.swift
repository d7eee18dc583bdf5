import Election
import Glibc
import Linux
import Logging
import Proxy
import Store

/// An agent's way to its successor: starts it with all listening sockets, waits until it is ready, and then leaves it
/// the sockets, the lease and the name. Until then nothing has changed for anybody.
struct Succession: Sendable {
    let host: String
    /// How this agent was started: the program and its arguments.
    let command: [String]
    let proxy: Proxy
    let router: Router
    let duties: LeaderDuties
    let elector: Elector
    let incumbency: Incumbency
    let reporter: Reporter
    let store: Store
    let keys: Keys
    let api: HTTPServer
    let subscription: Subscription
    let orders: OrderTaker
    let desk: UpgradeDesk
    let log: Logger

    /// How long a successor may take to become ready, in milliseconds.
    private static let readyMilliseconds: Int64 = 10_000
    /// How long the store may take to forget this agent's lease, in milliseconds; the successor then waits for its end.
    private static let releaseMilliseconds: Int64 = 500

    /// Carries an upgrade out; `finish` is called when this agent is to finish what is open and end.
    func perform(binary: String?, finish: () -> Void) async -> UpgradeOutcome {
        let program = binary ?? command.first ?? ""
        log.notice("upgrade: starting the new program", metadata: ["program": "\(program)"])
        do throws(UpgradeFault) {
            let sockets = try listeners()
            let successor: SuccessorProcess
            do throws(UpgradeFault) {
                successor = try SuccessorProcess.start(program, arguments: command, listeners: sockets)
            } catch {
                close(sockets)
                throw error
            }
            close(sockets)  // the successor has its own copies
            do throws(UpgradeFault) {
                let word = try await readiness(
                    of: successor, isGivenProxy: !(sockets[.proxy] ?? []).isEmpty)
                await leave(to: successor, word)
                finish()
                return .done(UpgradeDocument(pid: successor.id, version: word.version))
            } catch {
                successor.kill()
                await successor.end()
                throw error
            }
        } catch {
            log.error("upgrade given up; this agent goes on", metadata: ["why": "\(error)"])
            return .refused(500, "this agent goes on as before: \(error)")
        }
    }

    private func listeners() throws(UpgradeFault) -> [HandoverNote.Name: [Int32]] {
        do throws(SystemFault) {
            let copies = try proxy.copyListeners()
            return [
                .proxy: copies.plain, .proxyTLS: copies.secure, .api: api.copyListeners(of: .tcp),
                .socket: api.copyListeners(of: .socket),
            ]
        } catch {
            throw UpgradeFault(description: "\(error)")
        }
    }

    private func close(_ sockets: [HandoverNote.Name: [Int32]]) {
        for descriptor in sockets.values.joined() { _ = Glibc.close(descriptor) }
    }

    /// Waits for the successor, and judges whether it may follow.
    private func readiness(
        of successor: SuccessorProcess, isGivenProxy: Bool
    ) async throws(UpgradeFault) -> SuccessorWord {
        guard desk.note(successor) else { throw UpgradeFault(description: "the agent is stopping") }
        let word = try await successor.becomesReady(within: Succession.readyMilliseconds)
        if word.servers == 0, router.count > 0 {
            throw UpgradeFault(
                description:
                    "the new program has no server list, this one routes to \(router.count) servers; look at the state folder and Redis"
            )
        }
        guard await duties.succeed(whileServing: isGivenProxy) else {
            throw UpgradeFault(
                description: "the proxy was opened or closed meanwhile, by an election; upgrade again")
        }
        guard desk.commit() else { throw UpgradeFault(description: "the agent is stopping") }
        return word
    }

    /// Leaves everything to a successor that is ready.
    private func leave(to successor: SuccessorProcess, _ word: SuccessorWord) async {
        let begin = Instant.now()
        // Orders to this host are the successor's: what this agent began it might not live to end.
        subscription.stop()
        await orders.close()
        proxy.release()
        successor.tell(.serve)
        await reporter.fallSilent()
        await incumbency.succeed()
        let token = elector.token(at: .now())
        // Released for this host: the successor takes it, and nobody else may meanwhile.
        let reason = "upgrade to \(word.version)"
        elector.handOver(to: host, reason: reason)
        elector.resign(reason: reason)
        if let token { await awaitRelease(of: token) }
        api.release()
        ServiceManager.notify("MAINPID=\(successor.id)")
        successor.tell(.lead)
        log.notice(
            "upgraded: the new agent serves",
            metadata: [
                "pid": "\(successor.id)", "version": "\(word.version)", "was_leader": "\(token != nil)",
                "took_ms": "\(Instant.now().milliseconds(since: begin))",
            ])
    }

    private func awaitRelease(of token: String) async {
        let deadline = Instant.now().advanced(milliseconds: Succession.releaseMilliseconds)
        while Instant.now() < deadline {
            guard let reply = try? await store.call(Command("GET", keys.lease)) else { return }
            if reply.text != token { return }
            try? await Task.sleep(for: .milliseconds(2))
        }
    }
}
