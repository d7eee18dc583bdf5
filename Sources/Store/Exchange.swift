import Linux

/// Moves bytes both ways on a wire until the replies wanted are there; it reads while it writes, so that
/// neither side can be stuck with a full buffer. After a throw it must not be used again.
final class Exchange {
    enum Outcome {
        case done
        case late
        case rang
    }

    private static let readBytes = 64 * 1024
    private static let keptCapacityBytes = 256 * 1024

    private let wire: Wire
    private let target: String
    private let reader: ReplyReader
    private let buffer: UnsafeMutableRawBufferPointer
    private var outgoing: [UInt8] = []
    private var sent = 0
    private var writeFailure: String?

    init(wire: Wire, target: String) throws(StoreFault) {
        self.wire = wire
        self.target = target
        reader = try ReplyReader()
        buffer = .allocate(byteCount: Exchange.readBytes, alignment: 16)
    }

    deinit { buffer.deallocate() }

    /// The address at the other end, IPv6 in brackets; nil with a unix socket.
    var peer: String? { wire.peer }

    /// True when nothing has come that nobody asked for, the end of the stream included.
    var isQuiet: Bool { wire.peek() == .wantsInput }

    /// True when all bytes that came belong to replies already handed out.
    var isEmpty: Bool { !reader.hasRest }

    /// Puts commands behind those that wait to be sent.
    func queue(_ commands: [Command]) throws(StoreFault) {
        for command in commands {
            guard command.encode(into: &outgoing) else {
                throw .malformed("\(command): the command is empty or larger than \(Command.bytesMax) bytes")
            }
        }
    }

    /// Sends what is queued and appends replies until there are `wanted`; throws when the stream is broken.
    func run(
        until deadline: Instant, wanted: Int, into replies: inout [Reply], bell: Doorbell? = nil
    ) throws(StoreFault) -> Outcome {
        var isLate = false
        while true {
            var input = true
            var output = false
            // Right after the last byte went out nothing has come yet: the first look would be in vain.
            var looks = true
            if sent < outgoing.count, writeFailure == nil {
                switch write() {
                case .moved:
                    output = sent < outgoing.count
                    looks = output || wire.mayHoldInput
                case .wantsOutput: output = true
                case .wantsInput: break
                case .ended: writeFailure = "closed the connection"
                case .failed(let reason): writeFailure = reason
                }
            }
            while replies.count < wanted, let reply = try reader.next() { replies.append(reply) }
            if sent == outgoing.count, replies.count >= wanted {
                forgetSent()
                return .done
            }
            if isLate { return .late }
            switch looks ? wire.read(into: buffer) : .wantsInput {
            case .moved(let count):
                try reader.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                isLate = Instant.now() >= deadline  // a peer that dribbles must not hold the caller
                continue
            case .wantsInput: break
            case .wantsOutput:
                input = false
                output = true
            case .ended: throw broken(writeFailure ?? "closed the connection", replies)
            case .failed(let reason): throw broken(reason, replies)
            }
            switch wire.wait(input: input, output: output, until: deadline, bell: bell) {
            case .ready: break
            case .late: return .late
            case .rang: return .rang
            }
        }
    }

    private func write() -> WireStep {
        let step = outgoing.withUnsafeBytes { wire.write(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
        if case .moved(let count) = step { sent += count }
        return step
    }

    private func forgetSent() {
        outgoing.removeAll(keepingCapacity: outgoing.capacity <= Exchange.keptCapacityBytes)
        sent = 0
    }

    /// A server that turns a client away says why before it closes.
    private func broken(_ reason: String, _ replies: [Reply]) -> StoreFault {
        var replies = replies
        if replies.isEmpty, let last = try? reader.next() { replies.append(last) }
        for case .error(let error) in replies { return .rejected(error) }
        return .unreachable("\(target): \(reason)")
    }
}
