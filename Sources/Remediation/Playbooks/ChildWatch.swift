import CLinux
import Glibc
import Linux

/// A running child and its streams, while it is waited for.
struct ChildWatch: ~Copyable {
    typealias Taker = @Sendable (UnsafeRawBufferPointer) -> Void

    let child: pid_t
    private let process: Descriptor
    private let streams: Streams
    private var pending: [UInt8]
    private let takers: [Taker]
    private var isOpen = [true, true]

    /// This process's ends of what the child reads and writes: pairs of sockets, which are close-on-exec from the
    /// start and raise no signal when the other end is dead.
    private final class Streams {
        /// Input, output, errors: our end and the child's.
        var ours: [Int32] = [-1, -1, -1]
        var theirs: [Int32] = [-1, -1, -1]

        init(separatesErrors: Bool) throws(SystemFault) {
            let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
            for index in 0..<(separatesErrors ? 3 : 2) {
                var ends: [Int32] = [-1, -1]
                guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
                    let fault = SystemFault("socketpair")
                    closeAll()
                    throw fault
                }
                ours[index] = ends[0]
                theirs[index] = ends[1]
            }
        }

        deinit { closeAll() }

        func closeTheirs() {
            for index in theirs.indices where theirs[index] >= 0 {
                _ = close(theirs[index])
                theirs[index] = -1
            }
        }

        func closeInput() {
            if ours[0] >= 0 { _ = close(ours[0]) }
            ours[0] = -1
        }

        private func closeAll() {
            closeTheirs()
            for index in ours.indices where ours[index] >= 0 {
                _ = close(ours[index])
                ours[index] = -1
            }
        }
    }

    /// Starts the child.
    init(_ run: ChildRun, _ output: @escaping Taker, _ errors: Taker?) throws(SystemFault) {
        let streams = try Streams(separatesErrors: errors != nil)
        var child: pid_t = 0
        let code = ChildRun.spawn(
            run.words, run.environment, run.folder, input: streams.theirs[0], output: streams.theirs[1],
            errors: errors == nil ? streams.theirs[1] : streams.theirs[2], &child)
        streams.closeTheirs()
        guard code == 0 else { throw SystemFault("start", on: run.words.first ?? "", code: code) }
        self.child = child
        self.streams = streams
        process = Descriptor(owning: clinux_open_process(child))
        pending = run.input
        takers = [output, errors ?? output]
        isOpen = [true, errors != nil]
        if pending.isEmpty { streams.closeInput() }
    }

    /// Feeds and reads until the child has ended (nil), its time is up or the bell rings.
    mutating func wait(until deadline: Instant, bell: Doorbell?) -> ChildRun.Ending? {
        while true {
            if clinux_has_ended(child) != 0 { return nil }
            let left = deadline.milliseconds(since: .now())
            if left <= 0 { return .deadline }
            var entries = [
                pollfd(fd: process.raw, events: Int16(POLLIN), revents: 0),
                pollfd(fd: bell?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: streams.ours[0], events: Int16(POLLOUT), revents: 0),
                pollfd(fd: isOpen[0] ? streams.ours[1] : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isOpen[1] ? streams.ours[2] : -1, events: Int16(POLLIN), revents: 0),
            ]
            // Without a descriptor of the process (an old kernel) its end is looked for now and then.
            _ = poll(&entries, 5, Int32(clamping: process.raw >= 0 ? left : min(left, 50)))
            if entries[1].revents != 0 { return .cancelled }
            if entries[2].revents != 0 { feed() }
            if entries[3].revents != 0 { read(0) }
            if entries[4].revents != 0 { read(1) }
        }
    }

    /// Reads what was written before the end; a descendant that keeps a stream open gets no more than `deadline`.
    mutating func drain(until deadline: Instant) {
        while isOpen[0] || isOpen[1] {
            let left = deadline.milliseconds(since: .now())
            var entries = [
                pollfd(fd: isOpen[0] ? streams.ours[1] : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isOpen[1] ? streams.ours[2] : -1, events: Int16(POLLIN), revents: 0),
            ]
            guard left > 0, poll(&entries, 2, Int32(clamping: left)) > 0 else { return }
            if entries[0].revents != 0 { read(0) }
            if entries[1].revents != 0 { read(1) }
        }
    }

    private mutating func read(_ index: Int) {
        let descriptor = streams.ours[index + 1]
        let taker = takers[index]
        isOpen[index] = withUnsafeTemporaryAllocation(byteCount: 64 * 1024, alignment: 16) { buffer in
            let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            if count > 0 { taker(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
            return count > 0 || count < 0 && (errno == EAGAIN || errno == EINTR)
        }
    }

    private mutating func feed() {
        let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
        let count = pending.withUnsafeBytes { send(streams.ours[0], $0.baseAddress, $0.count, flags) }
        if count > 0 { pending.removeFirst(count) }
        let isLost = count < 0 && errno != EAGAIN && errno != EINTR
        if pending.isEmpty || isLost { streams.closeInput() }
    }
}
