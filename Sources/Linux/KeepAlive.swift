import Glibc

/// The kernel's own probes of a silent connection: a peer that vanished without a word is noticed within half a minute.
package enum KeepAlive {
    private static let idleSeconds: Int32 = 10
    private static let intervalSeconds: Int32 = 5
    private static let probes: Int32 = 3

    /// Has a TCP socket probed; one whose kernel refuses works on without.
    package static func set(on descriptor: Int32) {
        set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
        set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPIDLE, idleSeconds)
        set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPINTVL, intervalSeconds)
        set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPCNT, probes)
    }

    private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        _ = setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }
}
