import Fixtures
import Glibc
import Testing

/// A tmux server of its own with one window.
final class TerminalWindow {
    private let name = "troop-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    private let folder: String

    /// A shell in which `troop` asks the agent `a` of a troop.
    init(columns: Int, rows: Int, in troop: Ensemble) throws {
        folder = troop.folder
        let socket = try troop.member("a").socket
        _ = try tmux([
            "new-session", "-d", "-x", "\(columns)", "-y", "\(rows)", "-e", "TROOP_SOCKET=\(socket)", "-s",
            "t", "sh",
        ])
        _ = try tmux(["set-option", "-g", "status", "off"])
    }

    deinit { _ = try? tmux(["kill-server"]) }

    func type(_ line: String) throws { _ = try tmux(["send-keys", "-t", "t", line, "Enter"]) }
    func press(_ key: String) throws { _ = try tmux(["send-keys", "-t", "t", key]) }
    /// Writes whatever programs write into the window, byte by byte, to a file.
    func record(to path: String) throws { _ = try tmux(["pipe-pane", "-t", "t", "cat > \(path)"]) }
    func resize(columns: Int, rows: Int) throws {
        _ = try tmux(["resize-window", "-t", "t", "-x", "\(columns)", "-y", "\(rows)"])
    }
    var text: String { (try? tmux(["capture-pane", "-p", "-t", "t"])) ?? "" }
    /// The lines that have left the window at its upper end.
    var scrolled: String {
        (try? tmux(["display-message", "-p", "-t", "t", "#{history_size}"])) ?? "unknown"
    }
    /// The text with what sets colours.
    var colours: String { (try? tmux(["capture-pane", "-p", "-e", "-t", "t"])) ?? "" }

    private func tmux(_ arguments: [String]) throws -> String {
        let path = "\(folder)/tmux-\(UInt32.random(in: 0 ... .max))"
        defer { unlink(path) }
        let words = ["tmux", "-L", name] + arguments
        let line = words.map { "'" + $0.replacing("'", with: "'\\''") + "'" }.joined(separator: " ")
        let child = try Shell.start("\(line) > \(path)")
        waitpid(child, nil, 0)
        return Program.text(of: path)
    }
}

extension Ensemble {
    /// Lends a troop of two hosts, `a` and `b`, that is whole.
    static func withTwo(_ body: (Ensemble) async throws -> Void) async throws {
        let troop = try Ensemble(["a", "b"])
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 2) }
        try #require(isUp, "\(troop.logs)")
        try await body(troop)
    }
}
