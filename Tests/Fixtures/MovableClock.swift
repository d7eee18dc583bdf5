import Glibc

/// The clocks of a program under test, which a test moves while the program runs: the other end of
/// `Tests/Simulation/Clock/shifted_clock.c`.
package final class MovableClock: Sendable {
    private static let bootOffset: off_t = 16
    private let descriptor: Int32
    private let path: String
    private let library: String

    /// A clock that shows the right time until it is moved.
    package init() throws {
        var template = Array("/tmp/troop-clock-XXXXXX".utf8CString)
        descriptor = mkstemp(&template)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        library = try MovableClock.builtLibrary()
        try shift(milliseconds: 0)
        try shiftBoot(milliseconds: 0)
    }

    deinit {
        _ = close(descriptor)
        unlink(path)
    }

    /// The variables, as `NAME=value`, with which a program sees this clock.
    package var environment: [String] { ["LD_PRELOAD=\(library)", "SHIFTED_CLOCK=\(path)"] }

    /// Runs so far ahead of the right time, or behind it.
    package func shift(milliseconds: Int64) throws { try write(0, milliseconds) }

    /// Stands still at a time in milliseconds since 1970.
    package func stop(at milliseconds: Int64) throws { try write(1, milliseconds) }

    /// Has the time since boot run so far ahead, or behind, as of a machine that was stopped and knows nothing of it.
    package func shiftBoot(milliseconds: Int64) throws {
        var offset = milliseconds * 1_000_000
        guard pwrite(descriptor, &offset, 8, MovableClock.bootOffset) == 8 else {
            throw RedisServer.Fault(description: "cannot write \(path)")
        }
    }

    private func write(_ mode: Int64, _ milliseconds: Int64) throws {
        var page: [Int64] = [mode, milliseconds * 1_000_000]
        guard pwrite(descriptor, &page, 16, 0) == 16 else {
            throw RedisServer.Fault(description: "cannot write \(path)")
        }
    }

    /// The library is built beside the tests.
    private static func builtLibrary() throws -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let own = String(decoding: buffer[..<max(0, length)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let folder = own.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let path = folder.joined(separator: "/") + "/libshifted-clock.so"
        guard access(path, R_OK) == 0 else { throw RedisServer.Fault(description: "\(path) is not built") }
        return path
    }
}
