import Election
import Linux
package import Store

/// What people ask of the troop through any agent's socket: switchover, pause, resume.
package struct CommandRoutes: Sendable {
    private let store: Store
    private let keys: Keys
    private let queue: CommandQueue
    private let pause: PauseSwitch

    /// How long a successor is waited for after the lease was given up, in milliseconds.
    private static let successorMilliseconds: Int64 = 5000
    private static let pollMilliseconds: Int64 = 5

    /// Routes over the parts of one agent.
    package init(store: Store, keys: Keys, queue: CommandQueue, pause: PauseSwitch) {
        self.store = store
        self.keys = keys
        self.queue = queue
        self.pause = pause
    }

    /// Hands the lease over and waits for the next leader.
    func switchover(_ body: [UInt8]) async -> Response {
        do {
            let form = try CommandForm(body, takesTarget: true)
            let command = LeaderCommand(kind: .switchover, target: form.to, reason: form.reason, by: form.by)
            return try await queue.ask(command).answer(see: "troop history") { old in
                try await successor(of: old)
            }
        } catch let fault as FormFault {
            return .error(400, fault.sentence)
        } catch let fault as StoreFault {
            return .error(503, "it is not certain whether the lease was handed over: \(fault)")
        } catch {
            return .error(500, "\(error)")
        }
    }

    private func successor(of old: String) async throws -> Response {
        let deadline = Instant.now().advanced(milliseconds: CommandRoutes.successorMilliseconds)
        while Instant.now() < deadline {
            let reply = try await store.call(Command("GET", keys.lease))
            if let lease = reply.text.flatMap({ Lease(token: $0) }), lease.host != old {
                let entries = try await store.call(Command("XREVRANGE", keys.history, "+", "-", "COUNT", "5"))
                let entry = HistoryEntry.list(entries).first { $0.epoch == lease.epoch }
                return .json(
                    200,
                    SwitchoverDocument(
                        from: old, to: lease.host, epoch: lease.epoch,
                        leaderlessMs: entry?.leaderlessMilliseconds))
            }
            try? await Task.sleep(for: .milliseconds(CommandRoutes.pollMilliseconds))
        }
        return .error(504, "\(old) gave the lease up, and nobody took it within 5 s; see 'troop status'")
    }

    /// Pauses the troop.
    func pause(_ body: [UInt8]) async -> Response {
        await change(body) { form, current in
            // Who says it again without a word leaves the reason that stands.
            if let current, form.reason.isEmpty { return current }
            return Pause(reason: form.reason, by: form.by, since: WallClock.milliseconds())
        }
    }

    /// Ends the pause.
    func resume(_ body: [UInt8]) async -> Response { await change(body) { _, _ in nil } }

    private func change(_ body: [UInt8], _ pause: (CommandForm, Pause?) -> Pause?) async -> Response {
        do {
            let was = await self.pause.current
            let wanted = pause(try CommandForm(body, takesTarget: false), was)
            try await self.pause.set(wanted)
            return .json(200, PauseDocument(paused: wanted != nil, changed: (was != nil) != (wanted != nil)))
        } catch let fault as FormFault {
            return .error(400, fault.sentence)
        } catch let fault as StoreFault {
            return .error(503, fault.ofChange)
        } catch {
            return .error(500, "\(error)")
        }
    }
}

extension CommandOutcome? {
    /// What the person who asked is answered: by `done` when it was carried out, else why it was not. `place` is the
    /// command that shows what became of one that the leader took.
    func answer<Fault: Error>(
        see place: String, done: (String) async throws(Fault) -> Response
    ) async throws(Fault) -> Response {
        switch self {
        case .done(let text): try await done(text)
        case .refused(let why): .error(409, why)
        case .expired, nil:
            .error(
                504,
                "no leader took the command within 5 s, and it will not be done later; 'troop status' tells who leads, and whether the troop is paused"
            )
        case .claimed: .error(504, "the leader took the command and said no more; see '\(place)'")
        }
    }
}

/// The answer to `POST /v1/switchover`.
package struct SwitchoverDocument: Codable, Sendable {
    package var from: String
    package var to: String
    package var epoch: Int64
    /// How long nobody led, in milliseconds; null when it is not known.
    @OrNull package var leaderlessMs: Int64?
}

/// The answer to `POST /v1/pause` and `/v1/resume`.
package struct PauseDocument: Codable, Sendable {
    /// Whether the troop is paused now.
    package var paused: Bool
    /// Whether that was otherwise before.
    package var changed: Bool
}
