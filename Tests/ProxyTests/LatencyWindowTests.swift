import Synchronization
import Testing

@testable import Proxy

@Suite struct LatencyWindowTests {
    private func withWindow(_ body: (LatencyWindow) -> Void) {
        let memory: UnsafeMutablePointer<Atomic<UInt32>> = ZeroedMemory.allocate(LatencyWindow.words)
        defer { memory.deallocate() }
        body(LatencyWindow(base: memory))
    }

    private func percentile(_ share: Double, of window: LatencyWindow, at now: Int64) -> Double? {
        var counts = LatencyWindow.noCounts
        window.add(to: &counts, at: now)
        return LatencyWindow.percentile(share, of: counts)
    }

    @Test(arguments: [1_500, 20_000, 333_000, 7_000_000, 1_234_000_000, 60_000_000_000] as [Int64])
    func aDurationIsKnownToSevenPercent(_ nanoseconds: Int64) {
        withWindow { window in
            let now: Int64 = 1_000_000_000_000
            window.record(nanoseconds, at: now)
            let found = percentile(0.5, of: window, at: now) ?? 0
            let exact = Double(nanoseconds) / 1_000_000
            #expect(abs(found - exact) <= max(exact * 0.07, 0.0006))
        }
    }

    @Test func percentilesSplitTheCounts() {
        withWindow { window in
            let now: Int64 = 1_000_000_000_000
            for _ in 0..<90 { window.record(1_000_000, at: now) }
            for _ in 0..<10 { window.record(100_000_000, at: now) }
            #expect((percentile(0.5, of: window, at: now) ?? 0) < 1.1)
            #expect((percentile(0.9, of: window, at: now) ?? 0) < 1.1)
            #expect((percentile(0.99, of: window, at: now) ?? 0) > 90)
        }
    }

    @Test func oldDurationsAreForgotten() {
        withWindow { window in
            let now = 100 * LatencyWindow.windowNanoseconds
            window.record(1_000_000, at: now)
            #expect(percentile(0.5, of: window, at: now + LatencyWindow.windowNanoseconds) != nil)
            #expect(percentile(0.5, of: window, at: now + 2 * LatencyWindow.windowNanoseconds) == nil)
            window.record(9_000_000, at: now + 2 * LatencyWindow.windowNanoseconds)
            #expect((percentile(0.5, of: window, at: now + 2 * LatencyWindow.windowNanoseconds) ?? 0) > 8)
            window.record(-5, at: now + 2 * LatencyWindow.windowNanoseconds)
            window.record(.max, at: now + 2 * LatencyWindow.windowNanoseconds)
        }
    }
}
