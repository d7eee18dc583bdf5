import Testing

@testable import Metrics

@Suite struct MemoryInfoTests {
    private func info(_ lines: [String: UInt64]) -> MemoryInfo {
        parse(lines.map { "\($0.key):   \($0.value) kB\n" }.joined(), MemoryInfo.parse)
    }

    private func available(_ lines: [String: UInt64], lowPagesKiB: UInt64? = nil) -> UInt64? {
        info(lines).availableBytes(lowWatermarkBytes: lowPagesKiB.map { $0 * 1024 }).map { $0 / 1024 }
    }

    @Test func theKernelsOwnNumberIsTaken() {
        let info = parse(sampleMeminfo, MemoryInfo.parse)
        #expect(info.total == 24_684_084 * 1024)
        #expect(info.availableBytes(lowWatermarkBytes: nil) == 24_356_244 * 1024)
    }

    @Test func linesWithLongerNamesAreOthers() {
        #expect(parse("SwapCached: 7 kB\nMemTotalX: 5 kB\n", MemoryInfo.parse) == MemoryInfo())
    }

    @Test func aMissingOrZeroNumberIsEstimatedAsTheKernelDoes() {
        let lines: [String: UInt64] = [
            "MemTotal": 10_000, "MemFree": 1000, "Cached": 600, "Active(file)": 200, "Inactive(file)": 300,
            "SReclaimable": 90,
        ]
        // 1000 - 100 free, 500 - 100 page cache, 90 - 45 slabs
        #expect(available(lines, lowPagesKiB: 100) == 900 + 400 + 45)
        #expect(available(lines.merging(["MemAvailable": 0]) { $1 }, lowPagesKiB: 100) == 900 + 400 + 45)
    }

    @Test func withoutTheKernelsPartsFreeAndCachedMustDo() {
        #expect(available(["MemTotal": 10_000, "MemFree": 1000, "Cached": 600]) == 1600)
        #expect(available(["MemTotal": 10_000, "MemFree": 1000]) == 1000)
        let withoutWatermarks: [String: UInt64] = [
            "MemTotal": 10_000, "MemFree": 1000, "Cached": 600, "Active(file)": 200, "Inactive(file)": 300,
            "SReclaimable": 90,
        ]
        #expect(available(withoutWatermarks) == 1600)
    }

    @Test func moreAvailableThanThereIsMeansOnlyFreeCounts() {
        #expect(available(["MemTotal": 1000, "MemFree": 300, "MemAvailable": 50_000]) == 300)
        #expect(available(["MemTotal": 1000, "MemFree": 30_000, "MemAvailable": 50_000]) == 1000)
        #expect(available(["MemTotal": 1000, "MemAvailable": 50_000]) == nil)
    }

    @Test func watermarksAboveWhatIsFreeDoNotUnderflow() {
        let lines: [String: UInt64] = [
            "MemTotal": 10_000, "MemFree": 50, "Active(file)": 10, "Inactive(file)": 10, "SReclaimable": 4,
        ]
        #expect(available(lines, lowPagesKiB: 5000) == 12)
    }

    @Test(arguments: [
        "", "MemTotal: 0 kB\nMemAvailable: 5 kB\n", "MemAvailable: 5 kB\n", "MemTotal: 5\n",
        "MemTotal: 99999999999999999999 kB\n", "MemTotal: 18446744073709551615 kB\n",
    ])
    func withoutATotalThereIsNoValue(_ text: String) {
        #expect(parse(text, MemoryInfo.parse).availableBytes(lowWatermarkBytes: nil) == nil)
    }

    @Test func theLowWatermarksOfAllZonesAreAdded() {
        let text = """
            Node 0, zone      DMA
              per-node stats
                  nr_inactive_anon 1679
              pages free     2816
                    boost    0
                    min      7
                    low      10
                    high     13
            Node 0, zone   Normal
              pages free     5
                    low      32000
                  nr_slow 5

            """
        #expect(parse(text, MemoryInfo.lowWatermarkPages) == 32_010)
        #expect(parse("Node 0\n", MemoryInfo.lowWatermarkPages) == nil)
    }
}
