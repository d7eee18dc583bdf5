import Glibc
import Linux
import Testing

@testable import Metrics

/// What an agent does again and again keeps no more files open than before.
@Suite(.serialized) struct DescriptorLeakTests {
    /// Descriptors of this process that lead to a path.
    private func count(of path: String) -> Int {
        var found = 0
        for number in 0..<4096 {
            var buffer = [CChar](repeating: 0, count: 512)
            let length = readlink("/proc/self/fd/\(number)", &buffer, buffer.count - 1)
            guard length > 0 else { continue }
            let text = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if text.hasSuffix(path) { found += 1 }
        }
        return found
    }

    @Test func filesThatAreReadOnceAreClosed() throws {
        let before = (count(of: "/random/boot_id"), count(of: "/stat"))
        for _ in 0..<50 {
            _ = BootID.read()
            _ = ProcessMetrics.families(bootTime: nil)
        }
        #expect(count(of: "/random/boot_id") <= before.0 + 1)
        #expect(count(of: "/stat") <= before.1 + 3)
    }
}
