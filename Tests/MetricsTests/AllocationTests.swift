import Glibc
import Testing

/// How often the sampler's looks ask for memory, as a program beside these tests counts it, whose own `malloc` counts.
@Suite struct AllocationTests {
    private struct Counts {
        var fastLeast: Int
        var fastMost: Int
        var slowLeast: Int
    }

    private static var program: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let own = String(decoding: buffer[..<max(0, length)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let folder = own.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        return folder.joined(separator: "/") + "/bench-looks"
    }

    private func counts() throws -> Counts {
        let stream = try #require(popen("exec '\(AllocationTests.program)'", "r"))
        var line = [CChar](repeating: 0, count: 256)
        let isThere = fgets(&line, Int32(line.count), stream) != nil
        try #require(pclose(stream) == 0 && isThere, "\(AllocationTests.program)")
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let words = text.split(whereSeparator: \.isWhitespace)
        try #require(words.count == 6 && words[0] == "fast" && words[3] == "slow", "\(text)")
        return Counts(
            fastLeast: try #require(Int(words[1])), fastMost: try #require(Int(words[2])),
            slowLeast: try #require(Int(words[4])))
    }

    /// What each second needs is kept, whatever the looks between do with it.
    @Test(.timeLimit(.minutes(1))) func theLookOfEachSecondAllocatesNothing() throws {
        let counts = try counts()
        // Without optimization each look allocates for its own calls, and each the same; what a look has to allocate
        // besides, since it can no longer write over what it keeps, is seen there, too. `make looks` holds the release
        // build to none at all.
        #expect(counts.fastLeast == counts.fastMost, "\(counts)")
        #if !DEBUG
            #expect(counts.fastMost == 0, "\(counts)")
        #endif
        #expect(counts.slowLeast > counts.fastMost, "the names of devices are texts: \(counts)")
    }
}
