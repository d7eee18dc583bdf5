import CLinux
import Glibc

/// An `eventfd` that wakes a thread sleeping in `poll` or `epoll_wait`; rings before the wait are not lost.
package final class Doorbell: Sendable {
    /// The descriptor to wait on (readable after a ring).
    package let descriptor: Int32

    /// Opens a doorbell; throws when the process is out of descriptors.
    package init() throws(SystemFault) {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        if descriptor < 0 { throw SystemFault("eventfd") }
    }

    deinit { _ = close(descriptor) }

    /// Wakes the waiting thread; safe from every thread.
    package func ring() {
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)  // fails only when 2^64-1 rings wait: the bell is ringing then anyway
    }

    /// Forgets the rings so far.
    package func silence() {
        var rings: UInt64 = 0
        _ = read(descriptor, &rings, 8)
    }

    /// Sleeps until a ring or until `milliseconds` have passed (−1: no limit); true when it rang.
    package func wait(milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, milliseconds) > 0 else { return false }
        silence()
        return true
    }
}
