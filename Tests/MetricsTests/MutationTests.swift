import Fixtures
import Testing

@testable import Metrics

/// Files of /proc with random bytes changed, dropped, doubled and cut: no crash, and no value out of range.
@Suite struct MutationTests {
    private static let rounds = 4000
    private static let tokens = [
        "18446744073709551615", "99999999999999999999999", "-1", " ", "\n", "\0", "cpu", "cpu0 ", ".", "(",
        ")",
        "kB", "=", "1e9", "nan",
    ].map { Array($0.utf8) }

    private func mutated(_ text: String, _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = Array(text.utf8)
        for _ in 0..<Int.random(in: 1...5, using: &generator) {
            let place = Int.random(in: 0...bytes.count, using: &generator)
            let end = min(bytes.count, place + Int.random(in: 0...20, using: &generator))
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes.removeSubrange(place..<end)
            case 1: bytes.insert(contentsOf: Self.tokens.randomElement(using: &generator) ?? [], at: place)
            case 2 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &generator)
            case 3 where place < bytes.count: bytes[place] = UInt8.random(in: 48...57, using: &generator)
            case 4: bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
            default: bytes.removeLast(min(bytes.count, Int.random(in: 0...30, using: &generator)))
            }
        }
        return bytes
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func sharesOfCPUTimeStayShares(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var (before, after) = (processorTimes(sampleStat), ProcessorTimes())
        var known = 0
        for round in 0..<Self.rounds {
            after.parse(mutated(sampleStat, &generator).span)
            if let shares = ProcessorShares(from: before, to: after, resetTicks: 300) {
                known += 1
                for share in [shares.busy, shares.steal, shares.iowait] {
                    #expect((0...1).contains(share), "seed \(seed), round \(round)")
                }
            }
            swap(&before, &after)
        }
        #expect(known > 0)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func memoryStaysWithinTheMachine(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let withoutAvailable = sampleMeminfo.replacing("MemAvailable", with: "MemMissing")
        var known = 0
        for round in 0..<Self.rounds {
            let text = round % 2 == 0 ? sampleMeminfo : withoutAvailable
            let info = MemoryInfo.parse(mutated(text, &generator).span)
            let low = UInt64.random(in: 0...UInt64.max, using: &generator)
            guard let available = info.availableBytes(lowWatermarkBytes: round % 3 == 0 ? low : 65_536) else {
                continue
            }
            known += 1
            #expect(available <= info.total ?? 0, "seed \(seed), round \(round)")
        }
        #expect(known > 0)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func theOtherFilesGiveSenseOrNothing(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let stat =
            "42 (a (b) c) S 1 1 1 0 -1 4194560 1 2 3 4 100 50 7 7 20 0 3 0 84420 3133440 394 184467 1\n"
        var known = 0
        for round in 0..<Self.rounds {
            if let load = LoadAverage.parse(mutated("0.50 0.25 0.10 1/87 4873\n", &generator).span) {
                known += 1
                for value in [load.oneMinute, load.fiveMinutes, load.fifteenMinutes] {
                    #expect((0...LoadAverage.loadMax).contains(value), "seed \(seed), round \(round)")
                }
            }
            if let stall = PressureStall.parse(mutated(samplePressure, &generator).span) {
                known += 1
                for value in [stall.some, stall.full, stall.someLine?.sixtySeconds] {
                    if let value { #expect((0...100).contains(value), "seed \(seed), round \(round)") }
                }
            }
            if ProcessStat.parse(mutated(stat, &generator).span) != nil { known += 1 }
            if let pid = ProcessIdentifier.parsePidFile(mutated("12345\n", &generator).span) {
                #expect((1...4_194_304).contains(pid), "seed \(seed), round \(round)")
            }
            ProcessIdentifier.parseChildren(mutated("12 345 6789 ", &generator).span) { pid in
                #expect(pid >= 1, "seed \(seed), round \(round)")
                return true
            }
            if let identifier = BootID.parse(
                mutated("6f1d0f5e-7c9a-4a42-9b59-7d37cf5b3d6e\n", &generator).span)
            {
                #expect(identifier.utf8.count == 36, "seed \(seed), round \(round)")
            }
            _ = MemoryInfo.lowWatermarkPages(mutated("Node 0\n   low   10\n", &generator).span)
        }
        #expect(known > 0)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func ratesStayFiniteAndSharesShares(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let tree = KernelTree.debian12.before
        let disks = try #require(tree["diskstats"])
        let network = try #require(tree["net/dev"])
        let mounts = "/dev/a / ext4 rw 0 0\nsrv:/x /mnt/a\\040b nfs ro 0 0\n"
        var known = 0
        for round in 0..<Self.rounds {
            let before = DiskCounters.parse(mutated(disks, &generator).span)
            let after = DiskCounters.parse(mutated(disks, &generator).span)
            for reading in after.rows.readings(
                since: before.rows, name: \.name, { DiskReading(from: $0, to: $1, seconds: 1) }) ?? []
            {
                known += 1
                #expect((0...1).contains(reading.busy ?? 0), "seed \(seed), round \(round)")
                #expect((reading.readBytes ?? 0).isFinite && (reading.readBytes ?? 0) >= 0)
            }
            for row in NetworkCounters.parse(mutated(network, &generator).span).rows {
                known += 1
                #expect(!row.name.isEmpty && !row.name.contains("\n"))
            }
            for mount in MountTable.parse(mutated(mounts, &generator).span).mounts {
                #expect(mount.point.unicodeScalars.allSatisfy { $0.value >= 0x20 })
            }
            _ = PagingCounters.parse(mutated("pgmajfault 10\noom_kill 3\n", &generator).span)
            _ = SystemCounters.parse(mutated(sampleStat, &generator).span)
            _ = MemoryLines.parse(mutated(sampleMeminfo, &generator).span)
            _ = OwnProcess.parse(
                mutated("1 (a) S 1 1 1 0 -1 4 1 0 0 0 1 1 7 7 20 0 5 0 9 3133440 44", &generator).span)
        }
        #expect(known > 0)
    }
}
