import Glibc

/// What is kept of a machine that is a process group.
struct ProcessMachine: Codable, Sendable, Equatable {
    var id: String
    var name: String
    var cluster: String
    /// The operation that launched it.
    var operation: String
    var address: String
    var launchedAt: Int64
    /// Whether it is to run; what it does is seen from its process.
    var wanted: Wanted
    /// The operation that rebooted it last, and whether that is done.
    var reboot: Reboot?
    /// Its process, and when that began, so that a number used again is recognised.
    var process: ProcessMark?

    enum Wanted: String, Codable, Sendable { case running, stopped, terminated }

    struct Reboot: Codable, Sendable, Equatable {
        var operation: String
        var isDone: Bool
    }

    /// The machine as others see it.
    var machine: Machine {
        let isRunning = process?.isAlive ?? false
        let state: Machine.State =
            switch wanted {
            case .terminated: isRunning ? .shuttingDown : .terminated
            case .stopped: isRunning ? .stopping : .stopped
            // A machine whose process has ended by itself is a machine that halted.
            case .running: isRunning ? .running : process == nil ? .pending : .stopped
            }
        return Machine(
            id: id, state: state, privateAddress: wanted == .terminated ? nil : address,
            operation: operation, launchedAt: launchedAt)
    }
}

/// A process, told apart from a later one with its number.
struct ProcessMark: Codable, Sendable, Equatable {
    var id: Int32
    /// Its start in clock ticks since boot (the 22nd field of `/proc/PID/stat`).
    var start: UInt64

    init(id: Int32, start: UInt64) {
        self.id = id
        self.start = start
    }

    /// The process that has this number now; nil when there is none, or it has ended and is not reaped yet.
    init?(running id: Int32) {
        guard let bytes = SmallFile.read("/proc/\(id)/stat", bytesMax: 4096),
            let end = bytes.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        // After the name, which may hold anything: the state is the first field, the start the twentieth.
        let fields = String(decoding: bytes[(end + 1)...], as: UTF8.self).split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X", let start = UInt64(fields[19]) else {
            return nil
        }
        self.init(id: id, start: start)
    }

    /// True while this very process runs.
    var isAlive: Bool { ProcessMark(running: id) == self }
}
