package import Election
package import Linux
package import Logging

/// The leader's desk: takes commands from the queue, one after the other, and carries them out.
package actor CommandDesk {
    private let queue: CommandQueue
    private let elector: Elector
    private let board: StatusBoard
    private let pause: PauseSwitch
    private let remedies: RemediationDesk
    private let log: Logger
    /// The last command about remedies, while it is carried out.
    private var remedying: Task<Void, Never>?
    private var isBusy = false

    /// Commands taken in one go; the rest waits for the next look.
    private static let batch = 16
    /// A desk with its queue.
    package init(
        queue: CommandQueue, elector: Elector, board: StatusBoard, pause: PauseSwitch,
        remedies: RemediationDesk,
        log: Logger
    ) {
        self.remedies = remedies
        self.queue = queue
        self.elector = elector
        self.board = board
        self.pause = pause
        self.log = log
    }

    /// Takes what waits, while this agent leads.
    package func look() async {
        guard !isBusy else { return }
        isBusy = true
        defer { isBusy = false }
        for _ in 0..<CommandDesk.batch {
            let now = Instant.now()
            guard let token = elector.token(at: now), let lease = Lease(token: token) else { return }
            guard let found = try? await queue.take(token: token, epoch: lease.epoch) else { return }
            guard let command = found.command else {
                if !found.id.isEmpty {
                    log.warning("a command came too late or makes no sense", metadata: ["id": "\(found.id)"])
                }
                continue
            }
            await carryOut(command, id: found.id, lease: lease)
        }
    }

    private func carryOut(_ command: LeaderCommand, id: String, lease: Lease) async {
        await board.refresh()
        guard command.kind == .switchover else {
            // A provider may be slow to answer: what follows must not wait for it, but comes in order.
            remedying = Task { [remedying, remedies, queue] in
                await remedying?.value
                await remedies.carryOut(command, id: id, queue: queue, lease: lease)
            }
            return
        }
        let verdict = await verdict(on: command, leader: lease.host)
        log.notice(
            "command from \(command.by): \(command.kind.rawValue)",
            metadata: ["target": "\(command.target ?? "anyone")", "verdict": "\(verdict ?? "carried out")"])
        if let verdict {
            try? await queue.settle(id, as: .refused(verdict), token: lease.token)
            return
        }
        let asked = command.reason.isEmpty ? "switchover" : "switchover: \(command.reason)"
        // The outcome first: afterwards this agent may write nothing any more.
        try? await queue.settle(id, as: .done(lease.host), token: lease.token)
        elector.handOver(to: command.target, reason: "\(asked) (\(command.by))")
    }

    /// Why a switchover is refused; nil when it may be carried out.
    private func verdict(on command: LeaderCommand, leader: String) async -> String? {
        if let pause = await pause.current {
            return
                "the troop is paused (\(pause.reason.isEmpty ? "no reason given" : pause.reason)); 'troop resume' first"
        }
        return CommandDesk.unfitness(of: command.target, leader: leader, book: await board.book, at: .now())
    }

    /// Why the lease cannot go to `target` (nil: to anyone); nil when it can.
    package static func unfitness(
        of target: String?, leader: String, book: HostBook, at now: Instant
    ) -> String? {
        func isFit(_ name: String) -> Bool {
            guard let age = book.age(of: name, at: now), let report = book.pages[name]?.report else {
                return false
            }
            return age <= HostReport.lifeMilliseconds(interval: report.intervalMilliseconds) && report.stands
        }
        let others = book.pages.keys.filter { $0 != leader && isFit($0) }.sorted()
        let choice =
            others.isEmpty
            ? "no other host can lead now" : "hosts that can: \(others.prefix(10).joined(separator: ", "))"
        guard let target else {
            return others.isEmpty
                ? "no other host can lead now: none reports, or none stands for election" : nil
        }
        if target == leader { return "\(target) leads already; \(choice)" }
        guard let page = book.pages[target] else { return "there is no host '\(target)'; \(choice)" }
        guard let age = book.age(of: target, at: now), let report = page.report,
            age <= HostReport.lifeMilliseconds(interval: report.intervalMilliseconds)
        else {
            return
                "\(target) has not reported for \((book.age(of: target, at: now) ?? 0) / 1000) s; \(choice)"
        }
        if !report.stands {
            return
                "\(target) does not stand for election (election.never_lead, or a clash of names); \(choice)"
        }
        return nil
    }
}
