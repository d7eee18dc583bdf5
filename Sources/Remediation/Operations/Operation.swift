/// One run of a remedy: what is kept of it in Redis, step by step, so that any leader can go on with it.
package struct Operation: Sendable, Equatable, Codable {
    /// What it is.
    package enum Kind: String, Sendable, Codable, CaseIterable {
        case launch
        case reboot
        case restartApp = "restart-app"
        case stopStart = "stop-start"
        case replace
        case terminate

        /// Whether a server leaves the list for it.
        package var takesServerOut: Bool {
            switch self {
            case .launch: false
            case .reboot, .restartApp, .stopStart, .replace, .terminate: true
            }
        }
    }

    /// How it stands.
    package enum State: String, Sendable, Codable {
        case waiting, running, done, failed, cancelled

        package var hasEnded: Bool {
            switch self {
            case .waiting, .running: false
            case .done, .failed, .cancelled: true
            }
        }
    }

    /// Where the outside effect of the step stands.
    package enum Phase: String, Sendable, Codable {
        /// Nothing was done yet.
        case ready
        /// It is about to be done, or was done and the answer is not known.
        case intent
    }

    /// Who reboots a host.
    package enum Way: String, Sendable, Codable { case agent, provider }

    /// One line of what was done.
    package struct Line: Sendable, Equatable, Codable {
        /// Milliseconds since 1970.
        package var at: Int64
        package var step: String
        package var text: String
        package var epoch: Int64
    }

    /// No number in an operation is larger: milliseconds since 1970 stay below it for ages.
    package static let numberMax: Int64 = 1 << 53
    /// Nothing is tried more often.
    private static let triesMax = 1_000_000

    /// Whether its numbers can be a leader's: what stands in Redis may be anybody's, and is reckoned with.
    package var isPlausible: Bool {
        let numbers = [started, ended ?? 0, epoch] + lines.flatMap { [$0.at, $0.epoch] }
        return numbers.allSatisfy { (0...Operation.numberMax).contains($0) }
            && (0...ladder.count).contains(rung) && (0...Operation.triesMax).contains(attempt)
            && (0...Operation.triesMax).contains(cuts ?? 0)
    }

    package var id: String
    package var kind: Kind
    /// The host it is about; for a launch the name that the new one is to have.
    package var target: String
    /// Where the host is reached, when that is known.
    package var address = ""
    /// The server that leaves the list or joins it, `address:port`; empty while unknown.
    package var server = ""
    package var state = State.running
    package var step: Step
    package var phase = Phase.ready
    /// The remedies that may be tried, and which of them is.
    package var ladder: [Remedy] = []
    package var rung = 0
    /// How often the outside effect of this step was tried.
    package var attempt = 0
    /// How often the playbook of this step was cut off with its leader; nil for never.
    package var cuts: Int?
    /// The epoch of the leader that wrote it last.
    package var epoch: Int64
    /// Milliseconds since 1970.
    package var started: Int64
    package var ended: Int64?
    /// Why, with the numbers that the decision was made on.
    package var reason: String
    /// Who wanted it: `gift`, `doctor`, `cli:<user>`.
    package var by: String
    /// The provider's name of the machine; empty while unknown.
    package var machine = ""
    /// The host that this operation launches, and the provider's name of its machine; empty where it launches none.
    package var newcomer = ""
    package var launched = ""
    /// Where the launched machine is reached.
    package var launchedAddress = ""
    /// The boot that is to end; empty when it is not known.
    package var bootID = ""
    package var way: Way?
    /// Requests were drained: the server is off the list's active ones because of this operation.
    package var isDrained = false
    /// A reboot, a stop or a restart was or may have been carried out: there is no way back.
    package var isCommitted = false
    /// A person asked for its end.
    package var isCancelled = false
    /// Why it failed or was cancelled; empty while neither.
    package var fault = ""
    /// What was done, the oldest first.
    package var lines: [Line] = []
    /// Rises with each writing: nobody may write over what he has not read.
    package var revision: Int64 = 0

    /// Lines that are kept.
    package static let linesMax = 60

    /// An operation at its beginning.
    package init(
        id: String, kind: Kind, target: String, server: String = "", ladder: [Remedy] = [], epoch: Int64,
        started: Int64,
        reason: String, by: String
    ) {
        self.id = id
        self.kind = kind
        self.target = target
        self.server = server
        self.ladder = ladder
        self.epoch = epoch
        self.started = started
        self.reason = reason
        self.by = by
        step = kind.steps[0]
    }

    /// The remedy that is being tried; nil for launches and terminations.
    package var remedy: Remedy? { ladder.indices.contains(rung) ? ladder[rung] : nil }

    /// Whether what comes next is something that its host may not be alive after: nobody does that to itself.
    package var isAboutToTreat: Bool {
        guard isCommitted else { return true }
        return switch step {
        case .preflight, .drain: true
        case .reboot: way == nil
        case .stop, .retire: phase == .ready
        case .launch, .boot, .provision, .production, .join, .prove, .application, .healthy, .return,
            .restart,
            .stopped, .power, .remove, .undo:
            false
        }
    }

    /// The steps of what is being done now.
    package var steps: [Step] { remedy?.steps ?? kind.steps }

    /// A playbook's last words are long; what is longer is in the log, in characters.
    private static let textMax = 500

    /// A text as it is kept: the beginning, and that there was more.
    static func short(_ text: String) -> String {
        text.utf8.count <= textMax ? text : text.prefix(textMax) + " […]"
    }

    /// Notes a line, and forgets the oldest beyond the limit.
    package mutating func note(_ text: String, atMs: Int64) {
        lines.append(Line(at: atMs, step: step.rawValue, text: Operation.short(text), epoch: epoch))
        if lines.count > Operation.linesMax { lines.removeFirst(lines.count - Operation.linesMax) }
    }
}

/// One step of an operation.
package enum Step: String, Sendable, Codable {
    case launch, boot, provision, production, join
    case preflight, drain, reboot, prove, application, healthy
    case `return`
    case restart, stop, stopped, power, retire, remove
    /// What was begun is taken back.
    case undo
}

extension Operation.Kind {
    /// The steps, in order.
    package var steps: [Step] {
        switch self {
        case .launch: [.launch, .boot, .provision, .production, .join]
        case .terminate: [.preflight, .drain, .retire, .remove]
        case .reboot: Remedy.reboot.steps
        case .restartApp: Remedy.restartApp.steps
        case .stopStart: Remedy.stopStart.steps
        case .replace: Remedy.replace.steps
        }
    }
}

extension Remedy {
    /// The steps, in order; a remedy that follows another begins after `drain`.
    package var steps: [Step] {
        switch self {
        case .restartApp: [.preflight, .drain, .restart, .healthy, .return]
        case .reboot: [.preflight, .drain, .reboot, .prove, .application, .healthy, .return]
        case .stopStart:
            [.preflight, .drain, .stop, .stopped, .power, .prove, .application, .healthy, .return]
        case .replace: [.preflight, .drain, .launch, .boot, .provision, .production, .join, .retire, .remove]
        }
    }

    /// The kind of an operation that begins with it.
    package var kind: Operation.Kind {
        switch self {
        case .restartApp: .restartApp
        case .reboot: .reboot
        case .stopStart: .stopStart
        case .replace: .replace
        }
    }
}
