import Synchronization

/// Lines on their way into an operation's log: a flood is cut, not kept.
final class LogLines: Sendable {
    private struct State {
        var lines: [String] = []
        var count = 0
    }

    private let state = Mutex(State())
    private static let waitingMax = 500
    private static let linesMax = 20_000
    private static let lineCharactersMax = 500

    func add(_ line: String) {
        state.withLock { state in
            state.count += 1
            if state.count == LogLines.linesMax { state.lines.append("--- further lines are left out") }
            guard state.count < LogLines.linesMax, state.lines.count < LogLines.waitingMax else { return }
            state.lines.append(String(line.prefix(LogLines.lineCharactersMax)))
        }
    }

    func take() -> [String] {
        state.withLock { state in
            defer { state.lines = [] }
            return state.lines
        }
    }
}
