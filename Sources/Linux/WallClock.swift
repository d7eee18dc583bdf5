import Glibc

/// The host's wall clock: for what people read (`since`, history), never for a decision.
package enum WallClock {
    /// Milliseconds since 1970.
    package static func milliseconds() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }

    /// A moment in UTC, as RFC 3339 writes it: `2026-11-23T19:44:52Z`.
    package static func universal(_ milliseconds: Int64) -> String {
        text(milliseconds, "%Y-%m-%dT%H:%M:%SZ") { gmtime_r(&$0, &$1) }
    }

    /// A moment in the host's own time: `2026-11-23 19:44:52`.
    package static func local(_ milliseconds: Int64) -> String {
        text(milliseconds, "%Y-%m-%d %H:%M:%S") { localtime_r(&$0, &$1) }
    }

    private static func text(
        _ milliseconds: Int64, _ format: String, _ split: (inout time_t, inout tm) -> Void
    ) -> String {
        var seconds = time_t(milliseconds / 1000)
        var parts = tm()
        split(&seconds, &parts)
        var buffer = [UInt8](repeating: 0, count: 32)
        let length = buffer.withUnsafeMutableBytes { raw in
            raw.withMemoryRebound(to: CChar.self) { strftime($0.baseAddress, $0.count, format, &parts) }
        }
        return String(decoding: buffer[..<length], as: UTF8.self)
    }
}
