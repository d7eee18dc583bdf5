import Testing

/// Files of /proc as several kernels write them, each before and after ten seconds.
struct KernelTree: CustomTestStringConvertible, Sendable {
    /// What a sampler must see in the second moment.
    struct Expected: Sendable {
        var cpu: Double?
        var steal: Double?
        var cores: Int?
        var memoryAvailableKiB: UInt64?
        var hasPressure = false
        var cpuPressureFull: Double?
        var disks: [String] = []
        /// Bytes a second.
        var diskWritten: Double?
        var received: Double?
        var kills: UInt64?
    }

    var name: String
    var before: [String: String]
    var after: [String: String]
    var expected: Expected
    var testDescription: String { name }

    static let all = [centos7, debian9, ubuntu20, debian12, lxc, large]

    private static let netHead = """
        Inter-|   Receive                                                |  Transmit
         face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed

        """

    /// 3.10: no MemAvailable, no pressure, eleven numbers a disk, no oom_kill.
    static let centos7 = KernelTree(
        name: "3.10",
        before: [
            "stat":
                "cpu  1000 10 500 98000 200 0 20 0 0 0\ncpu0 1000 10 500 98000 200 0 20 0 0 0\nintr 5 1 2\nctxt 99\nbtime 1500000000\nprocesses 77\nprocs_running 1\nprocs_blocked 0\nsoftirq 5 1\n",
            "meminfo":
                "MemTotal:        1016232 kB\nMemFree:          100000 kB\nBuffers:            2076 kB\nCached:           400000 kB\nSwapCached:            0 kB\nActive:           300000 kB\nInactive:         200000 kB\nActive(anon):     100000 kB\nInactive(anon):     8000 kB\nActive(file):     200000 kB\nInactive(file):   192000 kB\nSReclaimable:      40000 kB\n",
            "zoneinfo":
                "Node 0, zone      DMA\n  pages free     3969\n        min      74\n        low      92\n        high     111\nNode 0, zone    DMA32\n  pages free     21031\n        min      1105\n        low      1381\n",
            "loadavg": "0.00 0.01 0.05 1/113 2541\n",
            "diskstats":
                "   8       0 sda 7000 5 400000 3000 2000 900 80000 5000 0 4000 8000\n   8       1 sda1 1800 0 10000 600 4 0 4096 10 0 500 610\n 253       0 dm-0 7000 0 390000 3100 2900 0 80000 9000 0 4000 12100\n",
            "net/dev": netHead
                + "    lo: 100 1 0 0 0 0 0 0 100 1 0 0 0 0 0 0\n  eth0:50000 60 0 0 0 0 0 0 7000 70 0 0 0 0 0 0\n",
            "vmstat":
                "nr_free_pages 25000\npgpgin 200000\npgpgout 40000\npswpin 0\npswpout 0\npgfault 900000\npgmajfault 1200\n",
        ],
        after: [
            "stat":
                "cpu  1300 10 600 98600 200 0 20 0 0 0\ncpu0 1300 10 600 98600 200 0 20 0 0 0\nintr 9 1 2\nctxt 199\nbtime 1500000000\nprocesses 78\nprocs_running 2\nprocs_blocked 0\n",
            "diskstats":
                "   8       0 sda 7000 5 400000 3000 2100 950 84000 5100 0 5000 8100\n   8       1 sda1 1800 0 10000 600 4 0 4096 10 0 500 610\n 253       0 dm-0 7000 0 390000 3100 2950 0 84000 9100 0 5000 12200\n",
            "net/dev": netHead
                + "    lo: 90100 9 0 0 0 0 0 0 90100 9 0 0 0 0 0 0\n  eth0:250000 260 0 0 0 0 0 0 17000 170 0 0 0 0 0 0\n",
        ],
        expected: Expected(
            cpu: 0.4, steal: 0, cores: 1,
            // free − low + (file pages − low) + (reclaimable − low), with low = 1473 pages of 4 KiB
            memoryAvailableKiB: 100_000 - 5892 + 392_000 - 5892 + 40_000 - 5892, disks: ["sda", "dm-0"],
            diskWritten: 204_800, received: 20_000))

    /// 4.9: MemAvailable, no pressure.
    static let debian9 = KernelTree(
        name: "4.9",
        before: [
            "stat":
                "cpu  100 0 100 10000 0 0 0 0 0 0\ncpu0 50 0 50 5000 0 0 0 0 0 0\ncpu1 50 0 50 5000 0 0 0 0 0 0\nintr 1\n",
            "meminfo":
                "MemTotal:        2048000 kB\nMemFree:          300000 kB\nMemAvailable:    1500000 kB\n",
            "loadavg": "1.50 1.00 0.50 3/200 900\n",
            "diskstats": " 254       0 vda 10 0 80 4 10 0 80 4 0 8 8\n",
            "vmstat": "pgmajfault 10\npswpin 5\npswpout 5\n",
        ],
        after: [
            "stat":
                "cpu  600 0 100 10500 500 0 0 500 0 0\ncpu0 550 0 50 5000 250 0 0 250 0 0\ncpu1 50 0 50 5500 250 0 0 250 0 0\nintr 1\n",
            "diskstats": " 254       0 vda 10 0 80 4 20 0 20560 9 0 5008 13\n",
        ],
        // 500 user and 500 steal of 2000 ticks; nobody knows of the network
        expected: Expected(
            cpu: 0.5, steal: 0.25, cores: 2, memoryAvailableKiB: 1_500_000, disks: ["vda"],
            diskWritten: 1_048_576)
    )

    /// 5.4: pressure without `full` for the CPU, discards in diskstats, oom_kill.
    static let ubuntu20 = KernelTree(
        name: "5.4",
        before: [
            "stat": "cpu  0 0 0 100 0 0 0 0 0 0\ncpu0 0 0 0 100 0 0 0 0 0 0\n",
            "meminfo":
                "MemTotal:        4000000 kB\nMemFree:          300000 kB\nMemAvailable:    2500000 kB\n",
            "pressure/cpu": "some avg10=12.50 avg60=3.00 avg300=1.00 total=123456\n",
            "pressure/memory":
                "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
            "pressure/io":
                "some avg10=1.00 avg60=0.00 avg300=0.00 total=9\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=8\n",
            "diskstats":
                "   7       0 loop0 60 0 2000 10 0 0 0 0 0 40 0 0 0 0 0\n 259       0 nvme0n1 100 0 800 40 100 0 800 40 0 80 80 5 0 100 1\n 259       1 nvme0n1p1 90 0 700 40 100 0 800 40 0 80 80 5 0 100 1\n",
            "net/dev": netHead + "enp0s3: 1000 10 0 0 0 0 0 0 1000 10 0 0 0 0 0 0\n",
            "vmstat": "pgmajfault 10\npswpin 5\npswpout 5\noom_kill 3\n",
        ],
        after: [
            "stat": "cpu  900 0 0 200 0 0 0 0 0 0\ncpu0 900 0 0 200 0 0 0 0 0 0\n",
            "net/dev": netHead + "enp0s3: 500 10 0 0 0 0 0 0 2000 10 0 0 0 0 0 0\n",
        ],
        // The interface's counter started anew: no rate, and nothing else counts.
        expected: Expected(
            cpu: 0.9, steal: 0, cores: 1, memoryAvailableKiB: 2_500_000, hasPressure: true,
            disks: ["nvme0n1"],
            diskWritten: 0, kills: 3))

    /// 6.1: pressure with `full` for the CPU, seventeen numbers a disk, zram, containers' interfaces.
    static let debian12 = KernelTree(
        name: "6.1",
        before: [
            "stat": "cpu  0 0 0 1000 0 0 0 0 0 0\ncpu0 0 0 0 500 0 0 0 0 0 0\ncpu3 0 0 0 500 0 0 0 0 0 0\n",
            "meminfo":
                "MemTotal:        8000000 kB\nMemFree:         1000000 kB\nMemAvailable:    6000000 kB\nHugePages_Total:       0\n",
            "pressure/cpu":
                "some avg10=1.00 avg60=0.50 avg300=0.10 total=5\nfull avg10=0.25 avg60=0.00 avg300=0.00 total=1\n",
            "pressure/memory": "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
            "pressure/io": "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
            "diskstats":
                " 252       0 zram0 1 0 8 0 1 0 8 0 0 0 0 0 0 0 0 0 0\n   8       0 sda 1 0 8 0 1 0 8 0 0 0 0 0 0 0 0 2 1\n   8      16 sdb 1 0 8 0 1 0 8 0 0 0 0 0 0 0 0 2 1\n",
            "net/dev": netHead
                + "  eth0: 1000 1 0 0 0 0 0 0 1000 1 0 0 0 0 0 0\nveth12ab@if3: 5000 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\ndocker0: 5000 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n",
            "vmstat": "oom_kill 0\n",
        ],
        after: [
            "stat":
                "cpu  1000 0 0 2000 0 0 0 0 0 0\ncpu0 1000 0 0 500 0 0 0 0 0 0\ncpu3 0 0 0 1500 0 0 0 0 0 0\n",
            "diskstats":
                " 252       0 zram0 1 0 8 0 1 0 8 0 0 0 0 0 0 0 0 0 0\n   8       0 sda 1 0 8 0 1 0 2008 0 0 0 0 0 0 0 0 2 1\n   8      16 sdb 1 0 8 0 1 0 2008 0 0 0 0 0 0 0 0 2 1\n",
            "net/dev": netHead
                + "  eth0: 11000 1 0 0 0 0 0 0 1000 1 0 0 0 0 0 0\nveth12ab@if3: 995000 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\ndocker0: 995000 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n",
        ],
        expected: Expected(
            cpu: 0.5, steal: 0, cores: 2, memoryAvailableKiB: 6_000_000, hasPressure: true,
            cpuPressureFull: 0.25,
            disks: ["sda", "sdb"], diskWritten: 204_800, received: 1000, kills: 0))

    /// A container whose meminfo mixes its own total with the host's numbers, and whose idle time runs backwards.
    static let lxc = KernelTree(
        name: "LXC",
        before: [
            "stat": "cpu  500 0 0 5000 90 0 0 0 0 0\ncpu0 500 0 0 5000 90 0 0 0 0 0\nintr 0\n",
            "meminfo":
                "MemTotal:         524288 kB\nMemFree:          400000 kB\nMemAvailable:   16000000 kB\nCached:          9000000 kB\n",
            "loadavg": "0.00 0.00 0.00 0/0 0\n",
        ],
        after: ["stat": "cpu  600 0 0 4990 80 0 0 0 0 0\ncpu0 600 0 0 4990 80 0 0 0 0 0\nintr 0\n"],
        expected: Expected(cpu: 1, steal: 0, cores: 1, memoryAvailableKiB: 400_000))

    /// 96 CPUs, one of which went and another came, and a line of interrupts of 40 kB.
    static let large: KernelTree = {
        func stat(_ busy: Int, _ idle: Int, cpus: some Sequence<Int>) -> String {
            let rows = cpus.map { "cpu\($0) \(busy) 0 0 \(idle) 0 0 0 0 0 0\n" }.joined()
            return "cpu  0 0 0 0 0 0 0 0 0 0\n" + rows + "intr 1" + String(repeating: " 123456", count: 6000)
                + "\nctxt 5\n"
        }
        func name(_ number: Int) -> String {
            let letters = [97 + number / 26, 97 + number % 26].compactMap { Unicode.Scalar($0) }
            return "sd" + letters.map { String(Character($0)) }.joined()
        }
        func diskstats(_ written: Int) -> String {
            (0..<90).map { number in
                "   8  \(number * 16) \(name(number)) 100 0 800 40 100 0 \(written) 40 0 80 80 5 0 100 1 0 0\n"
            }.joined()
        }
        return KernelTree(
            name: "96 CPUs",
            before: [
                "stat": stat(1000, 1000, cpus: 0..<96), "diskstats": diskstats(0),
                "meminfo":
                    "MemTotal:     1000000000 kB\nMemFree:      500000000 kB\nMemAvailable: 800000000 kB\n",
            ],
            after: ["stat": stat(1250, 1750, cpus: Array(0..<95) + [96]), "diskstats": diskstats(20)],
            expected: Expected(
                cpu: 0.25, steal: 0, cores: 96, memoryAvailableKiB: 800_000_000,
                disks: (0..<90).map(name), diskWritten: 90 * 1024))
    }()
}
