/// Follows the frames of a WebSocket (RFC 6455 §5.2) through its bytes, in whatever pieces they come: where one ends,
/// another may be put in. Payloads are passed over; a frame costs one look at its header.
struct FrameFollower: BitwiseCopyable {
    private enum Stage: UInt8, BitwiseCopyable {
        /// Between two frames: the next byte is the first of a header.
        case first
        case second
        /// In the bytes of an extended length.
        case length
        /// In the mask, if there is one, and the payload behind it.
        case payload
        /// Nothing is followed: no frames, none that are known, or none that count behind a Close.
        case nothing
    }

    private static let opcodes: UInt8 = 0x0f
    private static let controlBit: UInt8 = 0x08
    private static let lengths: UInt8 = 0x7f
    private static let shortMax: UInt8 = 125
    private static let twoBytes: UInt8 = 126
    private static let maskBit: UInt8 = 0x80
    private static let maskBytes: UInt64 = 4

    private var stage: Stage
    /// Bytes of the extended length still to come.
    private var lengthLeft: UInt8 = 0
    private var isControl = false
    private var isMasked = false
    /// Bytes of mask and payload still to come; while the length comes in, as much of it as is known.
    private var left: UInt64 = 0

    /// At the beginning of a stream of frames.
    init() { stage = .first }

    private init(_ stage: Stage) { self.stage = stage }

    /// Of a stream that nothing is known of.
    static let none = FrameFollower(.nothing)

    /// Frames are still followed: the stream is one of frames, every one made sense, and none was a Close.
    @inline(__always)
    var follows: Bool { stage != .nothing }

    /// A frame of somebody else's may be put in here.
    var isAtBoundary: Bool { stage == .first }

    /// Follows all of these bytes.
    mutating func follow(_ bytes: UnsafePointer<UInt8>, count: Int) {
        var position = 0
        while position < count { position += followFrame(bytes + position, count: count - position) }
    }

    /// Follows these bytes to the end of the frame that they are in or begin with, or all when it ends behind them;
    /// how many were followed. What is not followed any more is as good as one frame without end.
    mutating func followFrame(_ bytes: UnsafePointer<UInt8>, count: Int) -> Int {
        var position = 0
        while position < count {
            switch stage {
            case .first: take(first: bytes[position])
            case .second: take(second: bytes[position])
            case .length: take(length: bytes[position])
            case .payload:
                let step = min(left, UInt64(count - position))
                left -= step
                if left == 0 { stage = .first }
                position += Int(step)
                if left == 0 { return position }
                continue
            case .nothing: return count
            }
            position += 1
            if stage == .first { return position }
        }
        return count
    }

    private mutating func take(first byte: UInt8) {
        let opcode = byte & FrameFollower.opcodes
        switch opcode {
        case 0x0, 0x1, 0x2, 0x9, 0xa:
            isControl = opcode & FrameFollower.controlBit != 0
            stage = .second
        // A Close (8) is the last frame, whatever follows it; of reserved ones it is not known what they would mean.
        case _: stage = .nothing
        }
    }

    private mutating func take(second byte: UInt8) {
        isMasked = byte & FrameFollower.maskBit != 0
        let length = byte & FrameFollower.lengths
        left = 0
        if length <= FrameFollower.shortMax {
            left = UInt64(length)
            beginPayload()
        } else if isControl {
            stage = .nothing  // never so long (§5.5): these are no frames
        } else {
            lengthLeft = length == FrameFollower.twoBytes ? 2 : 8
            stage = .length
        }
    }

    private mutating func take(length byte: UInt8) {
        if lengthLeft == 8, byte & 0x80 != 0 {
            stage = .nothing  // §5.2: the most significant bit must be 0
            return
        }
        left = left << 8 | UInt64(byte)
        lengthLeft -= 1
        if lengthLeft == 0 { beginPayload() }
    }

    private mutating func beginPayload() {
        if isMasked { left += FrameFollower.maskBytes }
        stage = left == 0 ? .first : .payload
    }
}
