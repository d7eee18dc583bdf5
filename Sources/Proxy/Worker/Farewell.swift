/// Whether an upgraded connection was told to go: WebSocket has words for that, a Close frame with the code 1001.
enum Farewell: UInt8, BitwiseCopyable {
    /// There is no reason to, or no way.
    case none
    /// Where the server's next frame ends.
    case due
    /// The frame has its place behind the last that passes; what the server says from there on is read for nothing.
    case said

    /// The bytes of a Close frame without a mask: "going away" (RFC 6455 §7.4.1).
    static let length = 4

    /// Writes the Close frame.
    static func write(to bytes: UnsafeMutablePointer<UInt8>) {
        bytes[0] = 0x88  // the last frame of its message, and a Close
        bytes[1] = 2
        bytes[2] = UInt8(1001 >> 8)
        bytes[3] = UInt8(1001 & 0xff)
    }
}

/// Telling WebSockets to go. The Close goes to the client alone: its answer passes to the server, which takes it for the
/// beginning of the end, as from any client that leaves. Other protocols have only the end of their time.
extension Worker {
    /// All upgraded connections' time is nearly up.
    @inline(never)
    mutating func sayFarewells() {
        saysFarewell = true
        for upstream in 0..<Int32(upstreams.highWater) where upstreams[upstream].pointee.phase == .relaying {
            let index = upstreams[upstream].pointee.client
            // At once: all may be cut in the same turn.
            if owesFarewell(clients[index]) { relay(index, clients[index]) }
        }
    }

    /// Notes that a client is to be told; false when it cannot be, was before, or is about to end anyway.
    func owesFarewell(_ client: ClientPointer) -> Bool {
        guard client.pointee.farewell == .none, client.pointee.frames.follows,
            client.pointee.relayEnds.isDisjoint(with: [.client, .server])
        else { return false }
        client.pointee.farewell = .due
        return true
    }

    /// Puts the Close in where all that the server has sent has gone to the client; false amid a frame.
    @inline(never)
    mutating func sayFarewell(_ client: ClientPointer) -> Bool {
        guard client.pointee.frames.isAtBoundary,
            client.pointee.relayEnds.isDisjoint(with: [.client, .server]),
            let block = client.pointee.down.block ?? blocks.take()
        else { return false }
        client.pointee.down = Client.Bytes(block: block, start: 0, end: Int32(Farewell.length))
        Farewell.write(to: block)
        client.pointee.farewell = .said
        return true
    }

    /// How many bytes pass to the client of so many that the server has sent: all, but for a farewell.
    @inline(__always)
    func passing(_ client: ClientPointer, _ block: BlockPool.Block, _ count: Int) -> Int {
        client.pointee.frames.follows ? passingFrames(client, block, count) : count
    }

    @inline(never)
    private func passingFrames(_ client: ClientPointer, _ block: BlockPool.Block, _ count: Int) -> Int {
        switch client.pointee.farewell {
        case .none:
            client.pointee.frames.follow(block, count: count)
            return count
        case .due where !client.pointee.relayEnds.isDisjoint(with: [.client, .server]):
            // It ends by itself, and the other side has its time for the rest.
            client.pointee.farewell = .none
            client.pointee.frames.follow(block, count: count)
            return count
        case .due:
            let end = client.pointee.frames.followFrame(block, count: count)
            guard client.pointee.frames.isAtBoundary else { return end }
            Farewell.write(to: block + end)  // every read leaves room for it
            client.pointee.farewell = .said
            return end + Farewell.length
        case .said: return 0
        }
    }
}
