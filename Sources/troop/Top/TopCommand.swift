import ArgumentParser
import Linux
import Peer
import Synchronization
import UnixSignals

/// `troop top`: the hosts live, the hottest first.
struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Watch the hosts live; keys sort them.",
        discussion: "Keys: c m l t p s n sort, r reverses, arrows and pages scroll, q or Ctrl-C ends it."
    )

    @OptionGroup var agent: AgentOptions

    /// Between two readings of the status.
    private static let readMilliseconds: Int64 = 1000
    /// How often keys are looked for: a pressed one answers at once to the eye.
    private static let turnMilliseconds: Int32 = 50

    func run() async throws {
        guard let keyboard = Keyboard() else {
            ExitStatus.complain(
                "top needs a terminal that can place text (TERM is not set, or 'dumb'); use 'troop status --watch'"
            )
            throw ExitStatus.degraded
        }
        let told = Flag()
        let listener = Task {
            for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup) { told.set() }
        }
        watch(keyboard) { told.isSet }
        listener.cancel()
        keyboard.restore()
    }

    private func watch(_ keyboard: Keyboard, isTold: () -> Bool) {
        let client = agent.client
        var screen = TopScreen()
        var readAt: Instant?
        var size = Terminal.size
        while !isTold(), !screen.isDone, !Output.isBroken {
            let now = Instant.now()
            var isNew = false
            if readAt.map({ now.milliseconds(since: $0) >= TopCommand.readMilliseconds }) ?? true {
                readAt = now
                isNew = true
                do {
                    screen.take(try client.status(), atMilliseconds: now.nanoseconds / 1_000_000)
                } catch {
                    screen.fail("\(error)")
                }
            }
            if Terminal.size != size {
                size = Terminal.size
                Output.write("\u{1B}[2J")
                isNew = true
            }
            if isNew { show(screen, size) }
            guard let keys = keyboard.keys(within: TopCommand.turnMilliseconds) else { return }
            for key in keys { screen.press(key, rows: size.rows) }
            if !keys.isEmpty { show(screen, size) }
        }
    }

    private func show(_ screen: TopScreen, _ size: Terminal.Size) {
        let now = Instant.now().nanoseconds / 1_000_000
        Terminal.show(
            screen.text(columns: size.columns, rows: size.rows - 1, atMilliseconds: now))
    }
}

/// Set once by a signal, seen by the loop.
private final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .relaxed) }

    func set() { value.store(true, ordering: .relaxed) }
}
