import CountedMemory
import Linux
import Metrics

/// Counts how often the sampler's looks ask for memory.
///
/// Prints `fast LEAST MOST slow LEAST MOST`: of one look that comes each second, and of one that has its turn every five
/// seconds, in which disks, network and paging are looked at, too.
enum Looks {
    /// Looks before the count, in which files are opened and buffers grow.
    private static let warmUp: Int64 = 20
    /// Looks that are counted: a hundred fast ones and what comes between them.
    private static let counted: Int64 = 125

    /// What the looks of a scope allocated, each.
    private struct Counts {
        var fast: [UInt] = []
        var slow: [UInt] = []

        var text: String { "fast \(Counts.range(fast)) slow \(Counts.range(slow))" }

        /// Whether those of each second were seen, and none allocated.
        var isClean: Bool { fast.max() == 0 }

        private static func range(_ counts: [UInt]) -> String {
            "\(counts.min().map(String.init) ?? "-") \(counts.max().map(String.init) ?? "-")"
        }
    }

    /// Counts the looks at this host and prints.
    static func run() { print(counts(of: Sampler(scope: .host)).text) }

    /// Counts the looks at this host and at a control group, where there are any, and prints; whether those of each
    /// second allocate nothing. Only a build with optimization can be held to that.
    static func check() -> Bool {
        let host = counts(of: Sampler(scope: .host))
        print("host: \(host.text)")
        let group = Sampler(scope: .cgroup(path: nil))
        guard group.hasItsScope else { return host.isClean }
        let ofGroup = counts(of: group)
        print("cgroup: \(ofGroup.text)")
        return host.isClean && ofGroup.isClean
    }

    private static func counts(of sampler: Sampler) -> Counts {
        let start = Instant.now()
        let slowEvery = Sampler.slowMilliseconds / 1000
        var counts = Counts()
        for second in 0..<warmUp + counted {
            // Nobody waits for these seconds: what is due goes by the time that the sampler is told.
            let now = start.advanced(milliseconds: second * 1000)
            let before = counted_allocations()
            let sample = sampler.sample(at: now)
            let count = counted_allocations() - before
            guard second >= warmUp, sample.memoryTotalBytes != nil else { continue }
            if second % slowEvery == 0 { counts.slow.append(count) } else { counts.fast.append(count) }
        }
        return counts
    }
}
