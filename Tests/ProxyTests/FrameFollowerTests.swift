import Testing

@testable import Proxy

@Suite struct FrameFollowerTests {
    /// A frame as RFC 6455 §5.2 has it, its length in the shortest form or in a longer one.
    private static func frame(
        _ first: UInt8, _ count: Int, masked: Bool = false, lengthBytes: Int? = nil
    ) -> [UInt8] {
        let form = lengthBytes ?? (count < 126 ? 0 : count < 65_536 ? 2 : 8)
        let short = form == 0 ? UInt8(count) : form == 2 ? 126 : 127
        var bytes = [first, short | (masked ? 0x80 : 0)]
        for place in stride(from: form - 1, through: 0, by: -1) {
            bytes.append(UInt8(truncatingIfNeeded: count >> (8 * place)))
        }
        if masked { bytes += [0x88, 0xff, 0x80, 0x03] }
        // Payloads look like headers.
        return bytes + (0..<count).map { $0 % 2 == 0 ? 0x88 : 0x7f }
    }

    /// Messages, fragments with a ping among them, empty frames and every form of length.
    private static let frames: [[UInt8]] = [
        frame(0x81, 5), frame(0x82, 0), frame(0x01, 1), frame(0x89, 0), frame(0x00, 125), frame(0x8a, 125),
        frame(0x80, 126), frame(0x82, 3, masked: true), frame(0x82, 0, masked: true), frame(0xc1, 300),
        frame(0x82, 2, lengthBytes: 2), frame(0x82, 2, lengthBytes: 8), frame(0x82, 0, lengthBytes: 8),
        frame(0x82, 65_536), frame(0x81, 1, masked: true, lengthBytes: 8),
    ]

    private func follow(_ follower: inout FrameFollower, _ bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        bytes.withUnsafeBufferPointer { buffer in
            if let base = buffer.baseAddress { follower.follow(base, count: buffer.count) }
        }
    }

    private func followFrame(_ follower: inout FrameFollower, _ bytes: some Collection<UInt8>) -> Int {
        let bytes = Array(bytes)
        return bytes.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { follower.followFrame($0, count: buffer.count) } ?? 0
        }
    }

    @Test func aByteAtATimeTheBoundariesAreThoseOfTheFrames() {
        var follower = FrameFollower()
        #expect(follower.isAtBoundary && follower.follows)
        for frame in FrameFollowerTests.frames {
            for byte in frame.dropLast() {
                follow(&follower, [byte])
                guard !follower.isAtBoundary, follower.follows else {
                    Issue.record("amid \(frame.prefix(14))")
                    return
                }
            }
            follow(&follower, frame.suffix(1))
            #expect(follower.isAtBoundary, "behind \(frame.prefix(14))")
        }
    }

    @Test func whereverTheBytesAreSplitTheFirstBoundaryIsFound() {
        for frame in FrameFollowerTests.frames where frame.count < 1000 {
            let next = FrameFollowerTests.frame(0x82, 7)
            for split in 0...frame.count {
                var follower = FrameFollower()
                follow(&follower, frame[..<split])
                #expect(follower.isAtBoundary == (split == 0 || split == frame.count))
                guard split < frame.count else { continue }
                let rest = frame[split...] + next
                #expect(followFrame(&follower, rest) == frame.count - split, "\(frame.prefix(14)), \(split)")
                #expect(follower.isAtBoundary)
                #expect(followFrame(&follower, next[..<3]) == 3 && !follower.isAtBoundary)
            }
        }
    }

    @Test(
        arguments: [
            [0x88], [0x88, 2, 0x03, 0xe8], [0x08, 0],  // a Close, however much of it is here
            [0x83], [0x87, 0], [0x8b], [0x8f, 1],  // reserved
            [0x82, 127, 0x80],  // longer than there is
            [0x89, 126], [0x8a, 0xff],  // control frames are short
        ] as [[UInt8]])
    func nothingIsPutInBehindTheseBytes(bytes: [UInt8]) {
        for before in [[], FrameFollowerTests.frame(0x81, 3)] {
            var follower = FrameFollower()
            follow(&follower, before + bytes)
            #expect(!follower.follows && !follower.isAtBoundary)
            let more = FrameFollowerTests.frame(0x81, 3)
            #expect(followFrame(&follower, more) == more.count, "all of it passes")
            #expect(!follower.follows && !follower.isAtBoundary)
        }
    }

    @Test func theLongestFrameThereIsHasAnEnd() {
        var follower = FrameFollower()
        follow(&follower, [0x82, 0xff, 0x7f] + [UInt8](repeating: 0xff, count: 7) + [1, 2, 3, 4, 5])
        #expect(follower.follows && !follower.isAtBoundary)
    }

    @Test func whatIsNoStreamOfFramesIsNotFollowed() {
        var follower = FrameFollower.none
        follow(&follower, FrameFollowerTests.frame(0x81, 3))
        #expect(!follower.follows && !follower.isAtBoundary)
    }

    @Test func anyPiecesOfAnyFramesAreFollowed() {
        var state: UInt64 = 0x9E37_79B9
        func draw(_ below: Int) -> Int {  // xorshift64
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(below))
        }
        let firsts: [UInt8] = [0x00, 0x80, 0x01, 0x81, 0x02, 0x82, 0xc2]
        for round in 0..<300 {
            var bytes: [UInt8] = []
            var ends: Set<Int> = [0]
            for _ in 0...draw(12) {
                let isControl = draw(4) == 0
                let count = isControl ? draw(126) : draw(draw(2) == 0 ? 130 : 700)
                let form = isControl || draw(2) == 0 ? nil : count < 126 && draw(2) == 0 ? 2 : 8
                bytes += FrameFollowerTests.frame(
                    isControl ? 0x89 : firsts[draw(firsts.count)], count, masked: draw(3) == 0,
                    lengthBytes: form)
                ends.insert(bytes.count)
            }
            var follower = FrameFollower()
            var position = 0
            while position < bytes.count {
                let count = min(bytes.count - position, 1 + draw(draw(3) == 0 ? 900 : 9))
                let piece = bytes[position..<(position + count)]
                if draw(2) == 0 {
                    follow(&follower, piece)
                    position += count
                } else {
                    let end = ends.filter { $0 > position }.min() ?? bytes.count
                    let passed = followFrame(&follower, piece)
                    #expect(passed == min(count, end - position), "round \(round), at \(position)")
                    position += passed
                }
                guard follower.follows, follower.isAtBoundary == ends.contains(position) else {
                    Issue.record("round \(round), at \(position)")
                    return
                }
            }
        }
    }
}
