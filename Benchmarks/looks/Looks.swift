import CountedMemory
import Linux
import Metrics

/// Counts how often the sampler's looks at this host ask for memory.
///
/// Prints `fast LEAST MOST slow LEAST MOST`: of one look that comes each second, and of one that has its turn every five
/// seconds, in which disks, network and paging are looked at, too.
enum Looks {
    /// Looks before the count, in which files are opened and buffers grow.
    private static let warmUp: Int64 = 20
    /// Looks that are counted: a hundred fast ones and what comes between them.
    private static let counted: Int64 = 125

    /// Counts and prints.
    static func run() {
        let sampler = Sampler(scope: .host)
        let start = Instant.now()
        let slowEvery = Sampler.slowMilliseconds / 1000
        var (fast, slow): ([UInt], [UInt]) = ([], [])
        for second in 0..<warmUp + counted {
            // Nobody waits for these seconds: what is due goes by the time that the sampler is told.
            let now = start.advanced(milliseconds: second * 1000)
            let before = counted_allocations()
            let sample = sampler.sample(at: now)
            let count = counted_allocations() - before
            guard second >= warmUp, sample.memoryTotalBytes != nil else { continue }
            if second % slowEvery == 0 { slow.append(count) } else { fast.append(count) }
        }
        print("fast \(range(fast)) slow \(range(slow))")
    }

    private static func range(_ counts: [UInt]) -> String {
        "\(counts.min().map(String.init) ?? "-") \(counts.max().map(String.init) ?? "-")"
    }
}
