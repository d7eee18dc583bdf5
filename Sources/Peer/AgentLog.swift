import Glibc
package import Linux
import Synchronization

/// Where the agent's own log goes: lines wait in a bounded queue and are written by a thread of its own. A reader of standard
/// error that stalls (a full disk, a journal that hangs) would otherwise stop whoever has something to say, the lease too.
package final class AgentLog: TextOutputStream, Sendable {
    private struct State {
        var lines: [String] = []
        var bytes = 0
        /// Lines that found no room since the last one that did.
        var lost = 0
        var isWriting = false
    }

    /// What may wait, in bytes: several thousand lines.
    static let waitingBytesMax = 1024 * 1024
    /// A pipe that takes nothing is looked at again after so long, in milliseconds.
    private static let pipeMilliseconds: Int32 = 1000
    private static let pollMicroseconds: UInt32 = 1000

    private let descriptor: Int32
    private let bell: Doorbell
    private let state = Mutex(State())

    /// A log on a descriptor, which stays the caller's, for the rest of the process's life.
    package init(descriptor: Int32 = STDERR_FILENO) throws(SystemFault) {
        self.descriptor = descriptor
        bell = try Doorbell()
        try Linux.Thread.start(named: "troop-agent-log") { [self] in run() }.detach()
    }

    /// Has a line written; never blocks. What finds no room is counted, and told once there is some.
    package func write(_ line: String) {
        let isWaiting = state.withLock { state in
            let size = line.utf8.count
            guard state.bytes + size <= AgentLog.waitingBytesMax else {
                state.lost += 1
                return false
            }
            if state.lost > 0 { state.lines.append(AgentLog.line(ofLost: state.lost)) }
            state.lost = 0
            state.lines.append(line)
            state.bytes += size
            return true
        }
        if isWaiting { bell.ring() }
    }

    /// Waits until everything is written, at most so long; for the end of the process.
    package func flush(withinMilliseconds milliseconds: Int64) {
        let deadline = Instant.now().advanced(milliseconds: milliseconds)
        while !isIdle, Instant.now() < deadline { _ = usleep(AgentLog.pollMicroseconds) }
    }

    private var isIdle: Bool { state.withLock { $0.lines.isEmpty && !$0.isWriting } }

    private static func line(ofLost count: Int) -> String {
        "warning troop: lines=\(count) [Peer] lines of this log were lost: nobody read it\n"
    }

    private func run() {
        while true {
            let lines = state.withLock { state in
                if state.lines.isEmpty, state.lost > 0 {
                    state.lines = [AgentLog.line(ofLost: state.lost)]
                    state.lost = 0
                }
                defer { (state.lines, state.bytes) = ([], 0) }
                state.isWriting = !state.lines.isEmpty
                return state.lines
            }
            if lines.isEmpty {
                _ = bell.wait(milliseconds: -1)
            } else {
                put(Array(lines.joined().utf8))
            }
        }
    }

    /// Writes all of it, however long that takes; gives up only what can never be written.
    private func put(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count < 0, errno == EAGAIN {
                var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&entry, 1, AgentLog.pipeMilliseconds)
            } else if count == 0 || errno != EINTR {
                return
            }
        }
    }
}
