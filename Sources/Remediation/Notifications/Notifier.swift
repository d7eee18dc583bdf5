import Glibc
package import Linux
import Synchronization
import Transfer

/// Tells people outside of events: a webhook and a program, each with a short queue and a thread of its own, so that
/// neither holds up the other, nor either of them the agent.
package final class Notifier: Sendable {
    private let channels: [NoticeChannel]

    /// A notifier for what is configured; nil for nothing. `report` is told, on another thread, of what is lost and why.
    package init?(
        webhook: WebhookSettings?, command: HookSettings?, environment: [String: String],
        report: @escaping @Sendable (String) -> Void
    ) throws(SystemFault) {
        var channels: [NoticeChannel] = []
        if let webhook {
            channels.append(
                try NoticeChannel(named: "troop-webhook", kinds: webhook.kinds, report: report) { notice in
                    Notifier.post(notice, webhook)
                })
        }
        if let command {
            channels.append(
                try NoticeChannel(named: "troop-hook", kinds: command.kinds, report: report) { notice in
                    Notifier.run(notice, command, environment)
                })
        }
        guard !channels.isEmpty else { return nil }
        self.channels = channels
    }

    /// Takes an event; never blocks.
    package func tell(_ notice: Notice) {
        for channel in channels { channel.tell(notice) }
    }

    /// Ends the threads; what waits is lost.
    package func stop() {
        for channel in channels { channel.stop() }
    }

    /// The time for one try, in milliseconds.
    private static let webhookMilliseconds = 10_000
    private static let hookMilliseconds: Int64 = 30_000
    private static let answerBytesMax = 64 * 1024
    private static let secretBytesMax = 4096

    static func post(_ notice: Notice, _ settings: WebhookSettings) -> DeliveryQueue.Outcome {
        var transfer = Transfer(url: settings.url)
        transfer.method = "POST"
        transfer.json = notice.json
        transfer.timeoutMilliseconds = webhookMilliseconds
        transfer.answerBytesMax = answerBytesMax
        transfer.headers = [
            "User-Agent: troop", "Troop-Event: \(headerText(notice.kind))",
            "Troop-Delivery: \(headerText(notice.id))",
        ]
        if let path = settings.secretFile {
            guard let secret = SmallFile.line(path, bytesMax: secretBytesMax), !secret.isEmpty else {
                return .failed("\(path) cannot be read or is empty; mend notify.webhook.secret_file")
            }
            let timestamp = "\(time(nil))"
            let signature = NoticeSignature.hex(
                secret: Array(secret.utf8), timestamp: timestamp, body: transfer.json)
            transfer.headers += ["Troop-Timestamp: \(timestamp)", "Troop-Signature: v1=\(signature)"]
        }
        switch transfer.exchange() {
        case .answered(let answer):
            switch answer.status {
            case 200..<300: return .delivered
            case 408, 425, 429, 500...: return .failed("the webhook answered \(answer.status)")
            default: return .refused("the webhook answered \(answer.status); look at notify.webhook.url")
            }
        case .failed(let fault, _): return .failed("the webhook does not answer: \(fault)")
        case .heldBack: return .failed("held back")
        }
    }

    private static func headerText(_ text: String) -> String {
        String(
            text.unicodeScalars.filter { $0.value > 0x20 && $0.value < 0x7f }.prefix(128).map(Character.init))
    }

    static func run(
        _ notice: Notice, _ settings: HookSettings, _ environment: [String: String]
    ) -> DeliveryQueue.Outcome {
        var run = ChildRun(
            settings.command, environment: environment, deadlineMilliseconds: hookMilliseconds)
        run.environment["TROOP_EVENT"] = notice.kind
        run.input = notice.json + [UInt8(ascii: "\n")]
        do throws(SystemFault) {
            switch try run.blocking(output: { _ in }) {
            case .exited(0): return .delivered
            case .exited(let status):
                return .failed("the program of notify.command ended with status \(status)")
            case .killed(let signal):
                return .failed("the program of notify.command was killed by signal \(signal)")
            case .deadline, .cancelled:
                return .failed("the program of notify.command took longer than \(hookMilliseconds / 1000) s")
            }
        } catch {
            return .failed("\(settings.command.first ?? "") cannot be started: \(error.reason)")
        }
    }
}

/// One way out, with its queue and its thread.
private final class NoticeChannel: Sendable {
    private struct State {
        var queue = DeliveryQueue()
        var isStopped = false
    }

    private let kinds: [String]
    private let deliver: @Sendable (Notice) -> DeliveryQueue.Outcome
    private let report: @Sendable (String) -> Void
    private let bell: Doorbell
    private let state = Mutex(State())

    init(
        named name: String, kinds: [String], report: @escaping @Sendable (String) -> Void,
        deliver: @escaping @Sendable (Notice) -> DeliveryQueue.Outcome
    ) throws(SystemFault) {
        self.kinds = kinds
        self.deliver = deliver
        self.report = report
        bell = try Doorbell()
        let thread = try Thread.start(named: name) { [self] in run() }
        thread.detach()
    }

    func tell(_ notice: Notice) {
        guard notice.isOne(of: kinds) else { return }
        let complaint = state.withLock { $0.queue.add(notice) }
        if let complaint { report(complaint) }
        bell.ring()
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        bell.ring()
    }

    private func run() {
        var generator = SystemRandomNumberGenerator()
        while true {
            let now = Instant.now()
            let (action, isStopped) = state.withLock { ($0.queue.next(at: now), $0.isStopped) }
            if isStopped { return }
            switch action {
            case .idle: _ = bell.wait(milliseconds: -1)
            case .wait(let until):
                _ = bell.wait(milliseconds: Int32(clamping: max(1, until.milliseconds(since: now))))
            case .deliver(let notice):
                let outcome = deliver(notice)
                let why = state.withLock { $0.queue.end(outcome, at: .now(), using: &generator) }
                if let why { report("nobody was told of \(notice.kind): \(why)") }
            }
        }
    }
}
