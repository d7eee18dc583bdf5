import Linux
import Testing

@testable import Metrics

/// Whole trees of /proc, as successive moments of one host.
@Suite struct KernelTests {
    @Test(arguments: KernelTree.all) func aKernelsFilesGiveWhatItTells(_ tree: KernelTree) throws {
        let before = try ProcFixture()
        let after = try ProcFixture()
        for (name, text) in tree.before { try before.write(name, text) }
        for (name, text) in tree.before.merging(tree.after, uniquingKeysWith: { $1 }) {
            try after.write(name, text)
        }
        let looks = TwoLooks(before: before.root, after: after.root)
        let (first, sample) = (looks.first, looks.second)
        #expect(first.cpu == nil && first.slow.disks == nil && first.slow.cores == nil)
        let expected = tree.expected
        #expect(sample.cpu == expected.cpu)
        #expect(sample.steal == expected.steal)
        #expect(sample.cores == expected.cores)
        #expect(sample.memoryAvailableBytes == expected.memoryAvailableKiB.map { $0 * 1024 })
        #expect((0...1).contains(try #require(sample.memoryUsed)))
        #expect((sample.pressure.cpu != nil) == expected.hasPressure)
        #expect(sample.pressure.cpu?.full == expected.cpuPressureFull)
        #expect((sample.slow.disks ?? []).map(\.name) == expected.disks)
        #expect(sample.slow.totals.diskWritten == expected.diskWritten)
        #expect(sample.slow.totals.received == expected.received)
        #expect(sample.slow.paging?.outOfMemoryKills == expected.kills)
        let cores = try #require(sample.slow.cores)
        #expect(cores.count == (tree.name == "96 CPUs" ? 95 : expected.cores))
        #expect(cores.allSatisfy { (0...1).contains($0.busy) })
        // What Prometheus is told is finite, whatever the kernel.
        let page = looks.page
        #expect(!page.contains("NaN") && !page.contains("Inf"))
    }

    @Test func slowReadingsWaitForTheirTurn() throws {
        let proc = try ProcFixture()
        for (name, text) in KernelTree.debian12.before { try proc.write(name, text) }
        let start = Instant(nanoseconds: 5_000_000_000)
        let sampler = Sampler(scope: .host, proc: proc.root)
        _ = sampler.sample(at: start)
        for (name, text) in KernelTree.debian12.after { try proc.write(name, text) }
        for second in 1...4 {
            let sample = sampler.sample(at: start.advanced(milliseconds: Int64(second) * 1000))
            #expect(sample.slow.disks == nil)
        }
        let sample = sampler.sample(at: start.advanced(milliseconds: 4990))
        #expect(sample.slow.disks?.count == 2, "a tick that comes a little early is in time")
        #expect(sampler.sample(at: start.advanced(milliseconds: 5990)).slow == sample.slow)
    }
}

/// The files with a line for each device.
@Suite struct DeviceFileTests {
    @Test(arguments: [
        ("sda", false), ("sda1", true), ("sdaa", false), ("sdaa12", true), ("vdb3", true), ("xvda1", true),
        ("xvda", false), ("nvme0n1", false), ("nvme0n1p2", true), ("mmcblk0", false), ("mmcblk0p1", true),
        ("loop12", true), ("ram0", true), ("zram0", true), ("fd0", true), ("dm-0", false), ("md127", false),
        ("sr0", false), ("nbd0p1", true), ("", false), ("1", false),
    ])
    func partitionsAndMemoryDisksAreLeftOut(_ name: String, _ isIgnored: Bool) {
        #expect(DiskCounters.isIgnored(name) == isIgnored)
    }

    @Test func rowsThatMakeNoSenseAreLeftOut() {
        let disks = parse(
            "8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n8 0 sdb 1 2 3\nx 0 sdc 1 2 3 4 5 6 7 8 9 10 11\n\n8 0\n8 0 sdd -1 2 3 4 5 6 7 8 9 10 11\n8 0 sde 1 2 3 4 5 6 7 8 9 10 99999999999999999999999\n",
            DiskCounters.parse)
        #expect(disks.rows.map(\.name) == ["sda"])
        let network = parse(
            "junk\n lo:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n eth0: 1 2 3\n : 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\nno colon 1\n",
            NetworkCounters.parse)
        #expect(network.rows.map(\.name) == ["lo"])
        #expect(network.rows.first?.sentBytes == 9)
    }

    @Test func tooManyRowsAreCut() {
        let disks = (0..<1000).map { "8 0 dm-\($0) 1 2 3 4 5 6 7 8 9 10 11\n" }.joined()
        #expect(parse(disks, DiskCounters.parse).rows.count == DiskCounters.rowsMax)
        let devices = (0..<1000).map { "e\($0): 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n" }.joined()
        #expect(parse(devices, NetworkCounters.parse).rows.count == NetworkCounters.rowsMax)
        let mounts = (0..<1000).map { "srv:/\($0) /mnt/\($0) nfs4 rw 0 0\n" }.joined()
        #expect(parse(mounts, MountTable.parse).mounts.count == MountTable.mountsMax)
    }

    @Test func aDeviceThatCameOrWentHasNoRate() {
        let before = parse(
            "8 0 sda 1 0 8 0 0 0 0 0 0 0 0\n8 1 sdb 1 0 8 0 0 0 0 0 0 0 0\n", DiskCounters.parse)
        let after = parse(
            "8 1 sdb 3 0 28 0 0 0 0 0 0 0 0\n8 2 sdc 1 0 8 0 0 0 0 0 0 0 0\n", DiskCounters.parse)
        let readings = after.rows.readings(since: before.rows, name: \.name) {
            DiskReading(from: $0, to: $1, seconds: 2)
        }
        #expect(readings?.map(\.name) == ["sdb"])
        #expect(readings?.first?.readBytes == 5120 && readings?.first?.reads == 1)
        #expect(
            after.rows.readings(since: nil, name: \.name) { DiskReading(from: $0, to: $1, seconds: 2) } == nil
        )
    }

    @Test func onlyMountsThatHoldFilesAreLookedAt() {
        let table = parse(
            """
            proc /proc proc rw,relatime 0 0
            /dev/vda1 / ext4 rw,relatime 0 0
            tmpfs /dev/shm tmpfs rw 0 0
            tmpfs /run tmpfs rw,nosuid 0 0
            /dev/vda1 /var/bind ext4 rw 0 0
            overlay /var/lib/docker/overlay2/x overlay rw 0 0
            srv:/export /mnt/with\\040space nfs4 ro,vers=4.2 0 0
            /dev/sdb1 /run fuseblk rw 0 0
            bad
            /dev/x /evil\\033[31m ext4 rw 0 0

            """, MountTable.parse)
        #expect(table.mounts.map(\.point) == ["/", "/run", "/mnt/with space"])
        #expect(table.mounts[1].type == "fuseblk", "the uppermost of two")
        #expect(table.mounts.map(\.isReadOnly) == [false, false, true])
        #expect(parse("overlay / overlay rw 0 0\n", MountTable.parse).mounts.count == 1)
    }

    @Test(arguments: [
        ("/a", "/a"), ("/a\\040b", "/a b"), ("/a\\011b", nil), ("/a\\134b", "/a\\b"), ("/a\\9", "/a\\9"),
        ("/a\\377", nil), ("\\", "\\"),
    ])
    func mountPathsAreUnescaped(_ text: String, _ path: String?) {
        #expect(MountTable.plain(text) == path)
    }

    @Test func hostileNamesOfProcessesAreShownAsText() {
        #expect(parse("12 (a\u{1B}[31m) b) S 1", ProcessStat.name) == "a?[31m) b")
        #expect(parse("12 () S 1", ProcessStat.name) == "")
        #expect(parse("nonsense", ProcessStat.name) == "")
    }
}
