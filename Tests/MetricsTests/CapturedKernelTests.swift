import Linux
import Testing

@testable import Metrics

/// The files that kernels of Debian have shown, as successive moments of one host; Captured/README.md tells how they
/// were taken, and Captured/figures.py computes what is expected.
@Suite struct CapturedKernelTests {
    @Test(arguments: CapturedKernel.all) func theTimeOfTheCPUsIsTold(_ kernel: CapturedKernel) throws {
        let (first, second) = (kernel.looks.first, kernel.looks.second)
        #expect(first.cpu == nil && first.steal == nil && first.iowait == nil && first.slow.cores == nil)
        #expect(isClose(second.cpu, kernel.cpu))
        #expect(isClose(second.steal, kernel.steal))
        #expect(isClose(second.iowait, kernel.iowait))
        #expect(first.cores == kernel.coresBefore)
        #expect(second.cores == kernel.coresAfter)
        let cores = try #require(second.slow.cores)
        #expect(cores.map(\.number) == kernel.coreShares.keys.sorted())
        for core in cores { #expect(isClose(core.busy, kernel.coreShares[core.number])) }
    }

    @Test(arguments: CapturedKernel.all) func theMemoryIsTold(_ kernel: CapturedKernel) throws {
        let (sample, memory) = (kernel.looks.second, kernel.memory)
        #expect(sample.memoryTotalBytes == memory.totalKiB * 1024)
        #expect(sample.memoryAvailableBytes == memory.availableKiB * 1024)
        #expect(isClose(sample.memoryUsed, memory.used))
        // `free` looked a little later, on the same machine.
        let available = Double(try #require(sample.memoryAvailableBytes)) / 1024
        #expect(abs(available - Double(memory.toldByFreeKiB)) < 0.01 * Double(memory.totalKiB))
    }

    @Test(arguments: CapturedKernel.all)
    func withoutTheKernelsNumberTheEstimateComesNear(_ kernel: CapturedKernel) throws {
        let proc = try ProcFixture()
        try proc.write("zoneinfo", kernel.after("zoneinfo"))
        try proc.write("meminfo", kernel.after("meminfo").replacing("MemAvailable", with: "MemUntold"))
        let sample = Sampler(scope: .host, proc: proc.root).sample(at: .now())
        #expect(sample.memoryAvailableBytes == kernel.memory.estimatedKiB * 1024)
        // Today's kernels take off what they keep for themselves, too: most of it on 32 bits, for the low memory.
        let estimated = Double(kernel.memory.estimatedKiB)
        #expect(abs(estimated - Double(kernel.memory.availableKiB)) < 0.1 * Double(kernel.memory.totalKiB))
    }

    @Test(arguments: CapturedKernel.all) func loadAndPressureAreTold(_ kernel: CapturedKernel) throws {
        let sample = kernel.looks.second
        let load = try #require(sample.load)
        #expect([load.oneMinute, load.fiveMinutes, load.fifteenMinutes] == kernel.load)
        let stalls = [sample.pressure.cpu, sample.pressure.memory, sample.pressure.io]
        guard let pressure = kernel.pressure else {
            #expect(stalls.allSatisfy { $0 == nil })
            return
        }
        for (stall, expected) in zip(stalls, [pressure.cpu, pressure.memory, pressure.io]) {
            #expect([stall?.some, stall?.full] == expected)
        }
    }

    @Test(arguments: CapturedKernel.all) func disksAndNetworksAreTold(_ kernel: CapturedKernel) throws {
        let slow = kernel.looks.second.slow
        let disks = try #require(slow.disks)
        #expect(disks.map(\.name) == kernel.disks.map(\.name))
        for (disk, expected) in zip(disks, kernel.disks) {
            #expect(isNear(disk.readBytes, expected.read))
            #expect(isNear(disk.writtenBytes, expected.written))
            #expect((0...1).contains(try #require(disk.busy)))
        }
        #expect(isNear(slow.totals.diskWritten, kernel.disks.map(\.written).reduce(0, +)))
        let interfaces = try #require(slow.interfaces)
        #expect(interfaces.map(\.name) == kernel.networks.map(\.name))
        for (interface, expected) in zip(interfaces, kernel.networks) {
            #expect(isNear(interface.receivedBytes, expected.received))
            #expect(isNear(interface.sentBytes, expected.sent))
            #expect(interface.errors == 0)
        }
        // What `lo` carries never leaves the host.
        let outer = try #require(kernel.networks.first { $0.name == "eth0" })
        #expect(isNear(slow.totals.received, outer.received))
        #expect(isNear(slow.totals.sent, outer.sent))
    }

    @Test(arguments: CapturedKernel.all) func pagingAndKillsAreTold(_ kernel: CapturedKernel) throws {
        let looks = kernel.looks
        let paging = try #require(looks.second.slow.paging)
        #expect(isNear(paging.swappedIn, kernel.paging.swappedIn))
        #expect(isNear(paging.swappedOut, kernel.paging.swappedOut))
        #expect(isNear(paging.majorFaults, kernel.paging.majorFaults))
        let before = parse(kernel.before("vmstat"), PagingCounters.parse)
        #expect(before.outOfMemoryKills == kernel.paging.killsBefore)
        #expect(paging.outOfMemoryKills == kernel.paging.killsAfter)
    }

    @Test(arguments: CapturedKernel.all) func nothingInTheFilesIsLeftOut(_ kernel: CapturedKernel) {
        let stat = kernel.after("stat")
        let lines = stat.split(separator: "\n").filter { $0.hasPrefix("cpu") && !$0.hasPrefix("cpu ") }
        #expect(processorTimes(stat).count == lines.count)
        let system = parse(stat, SystemCounters.parse)
        #expect(system.bootTime == kernel.bootTime)
        let counts = [
            system.contextSwitches, system.interrupts, system.forks, system.running, system.blocked,
        ]
        #expect(counts.allSatisfy { $0 != nil })
        let paging = parse(kernel.after("vmstat"), PagingCounters.parse)
        #expect([paging.pagesIn, paging.pagesOut, paging.faults].allSatisfy { $0 ?? 0 > 0 })
        let memory = parse(kernel.after("meminfo"), MemoryLines.parse)
        #expect(Set(memory.bytes.map(\.name)) == Set(MemoryLines.names))
        // Two lines of headings; the disk that was written to has one partition, which is no disk of its own.
        let network = kernel.after("net/dev").split(separator: "\n").count - 2
        #expect(parse(kernel.after("net/dev"), NetworkCounters.parse).rows.count == network)
        let disks = kernel.after("diskstats").split(separator: "\n").count - 1
        #expect(parse(kernel.after("diskstats"), DiskCounters.parse).rows.count == disks)
        let mounts = parse(kernel.after("self/mounts"), MountTable.parse).mounts
        #expect(mounts.map(\.point).filter { $0 != "/held" } == ["/", "/data"])
        #expect(mounts.contains { $0.point == "/data" && $0.type == "ext4" && !$0.isReadOnly })
        let page = kernel.looks.page
        #expect(!page.contains("NaN") && !page.contains("Inf"))
        #expect(page.contains("\nnode_boot_time_seconds \(kernel.bootTime)\n"))
    }
}

/// Whether a share is what is expected, but for the rounding of the literals.
private func isClose(_ value: Double?, _ expected: Double?, within tolerance: Double = 0.000_001) -> Bool {
    guard let value, let expected else { return false }
    return abs(value - expected) <= tolerance
}

/// Whether a rate is.
private func isNear(_ value: Double?, _ expected: Double) -> Bool {
    isClose(value, expected, within: 0.002)
}
