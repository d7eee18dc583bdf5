package import Metrics

/// One evaluated sample of a host: the JSON of `troop sample -o json` and of `GET /v1/sample`. Unknown values are null.
package struct SampleDocument: Codable, Equatable, Sendable {
    package struct CPU: Codable, Equatable, Sendable {
        /// Shares of the CPU time since the sample before, 0…1.
        @OrNull package var busy: Double?
        @OrNull package var steal: Double?
        @OrNull package var iowait: Double?
        @OrNull package var cores: Int?
    }

    package struct Memory: Codable, Equatable, Sendable {
        @OrNull package var totalBytes: UInt64?
        @OrNull package var availableBytes: UInt64?
        /// Share in use, 0…1.
        @OrNull package var used: Double?
    }

    /// Percentages of time, 0…100, and the whole time since boot.
    package struct Stall: Codable, Equatable, Sendable {
        @OrNull package var someAvg10: Double?
        @OrNull package var someAvg60: Double?
        @OrNull package var someAvg300: Double?
        @OrNull package var someTotalUs: UInt64?
        @OrNull package var fullAvg10: Double?
        @OrNull package var fullAvg60: Double?
        @OrNull package var fullAvg300: Double?
        @OrNull package var fullTotalUs: UInt64?
    }

    package struct Pressure: Codable, Equatable, Sendable {
        @OrNull package var cpu: Stall?
        @OrNull package var memory: Stall?
        @OrNull package var io: Stall?
    }

    package struct Processor: Codable, Equatable, Sendable {
        package var cpu: UInt64
        package var busy: Double
    }

    /// Rates are units a second.
    package struct Disk: Codable, Equatable, Sendable {
        package var name: String
        @OrNull package var readBytes: Double?
        @OrNull package var writtenBytes: Double?
        @OrNull package var reads: Double?
        @OrNull package var writes: Double?
        /// Share of the time with a request under way, 0…1.
        @OrNull package var busy: Double?
    }

    package struct Interface: Codable, Equatable, Sendable {
        package var name: String
        @OrNull package var receivedBytes: Double?
        @OrNull package var sentBytes: Double?
        @OrNull package var receivedPackets: Double?
        @OrNull package var sentPackets: Double?
        @OrNull package var errors: Double?
    }

    package struct Paging: Codable, Equatable, Sendable {
        @OrNull package var swappedInPages: Double?
        @OrNull package var swappedOutPages: Double?
        @OrNull package var majorFaults: Double?
        /// Since boot.
        @OrNull package var oomKills: UInt64?
    }

    /// A file system; its numbers are null while it does not answer.
    package struct Filesystem: Codable, Equatable, Sendable {
        package var mountPoint: String
        package var device: String
        package var type: String
        package var readOnly: Bool
        @OrNull package var totalBytes: UInt64?
        @OrNull package var availableBytes: UInt64?
        @OrNull package var used: Double?
        @OrNull package var files: UInt64?
        @OrNull package var freeFiles: UInt64?
    }

    package struct Process: Codable, Equatable, Sendable {
        package var pid: Int32
        package var name: String
        /// 1 is one core all the time.
        package var cores: Double
        package var residentBytes: UInt64
    }

    package var cpu: CPU
    /// The agent's own part of `cpu.busy`; null where no agent asks.
    @OrNull package var selfCpu: Double?
    /// The cores that count as all of the CPU.
    @OrNull package var allowance: Double?
    package var memory: Memory
    /// Over 1, 5 and 15 minutes.
    @OrNull package var load: [Double]?
    package var pressure: Pressure
    @OrNull package var processors: [Processor]?
    @OrNull package var disks: [Disk]?
    @OrNull package var network: [Interface]?
    @OrNull package var paging: Paging?
    @OrNull package var filesystems: [Filesystem]?
    /// The greediest processes; null unless `metrics.top` asks for them.
    @OrNull package var top: [Process]?
    /// What the sample itself took, in microseconds.
    package var readUs: Int
}

extension SampleDocument {
    /// The document of a sample.
    package init(_ sample: Sample) {
        cpu = CPU(
            busy: sample.cpu?.short, steal: sample.steal?.short, iowait: sample.iowait?.short,
            cores: sample.cores)
        selfCpu = sample.selfCPU?.short
        allowance = sample.allowance
        memory = Memory(
            totalBytes: sample.memoryTotalBytes, availableBytes: sample.memoryAvailableBytes,
            used: sample.memoryUsed?.short)
        load = sample.load.map { [$0.oneMinute, $0.fiveMinutes, $0.fifteenMinutes] }
        pressure = Pressure(
            cpu: sample.pressure.cpu.map(Stall.init), memory: sample.pressure.memory.map(Stall.init),
            io: sample.pressure.io.map(Stall.init))
        let slow = sample.slow
        processors = slow.cores?.map { Processor(cpu: $0.number, busy: $0.busy.short) }
        disks = slow.disks?.map {
            Disk(
                name: $0.name, readBytes: $0.readBytes?.short, writtenBytes: $0.writtenBytes?.short,
                reads: $0.reads?.short, writes: $0.writes?.short, busy: $0.busy?.short)
        }
        network = slow.interfaces?.map {
            Interface(
                name: $0.name, receivedBytes: $0.receivedBytes?.short, sentBytes: $0.sentBytes?.short,
                receivedPackets: $0.receivedPackets?.short, sentPackets: $0.sentPackets?.short,
                errors: $0.errors?.short)
        }
        paging = slow.paging.map {
            Paging(
                swappedInPages: $0.swappedIn?.short, swappedOutPages: $0.swappedOut?.short,
                majorFaults: $0.majorFaults?.short, oomKills: $0.outOfMemoryKills)
        }
        filesystems = slow.filesystems?.map {
            Filesystem(
                mountPoint: $0.mountPoint, device: $0.device, type: $0.type, readOnly: $0.isReadOnly,
                totalBytes: $0.space?.totalBytes, availableBytes: $0.space?.availableBytes,
                used: $0.space?.used?.short, files: $0.space?.files, freeFiles: $0.space?.freeFiles)
        }
        top = slow.consumers?.map {
            Process(pid: $0.pid, name: $0.name, cores: $0.cores.short, residentBytes: $0.residentBytes)
        }
        readUs = sample.readMicroseconds
    }
}

extension SampleDocument.Stall {
    fileprivate init(_ stall: PressureStall) {
        let (some, full) = (stall.someLine, stall.fullLine)
        self.init(
            someAvg10: some?.tenSeconds, someAvg60: some?.sixtySeconds, someAvg300: some?.threeHundredSeconds,
            someTotalUs: some?.totalMicroseconds, fullAvg10: full?.tenSeconds, fullAvg60: full?.sixtySeconds,
            fullAvg300: full?.threeHundredSeconds, fullTotalUs: full?.totalMicroseconds)
    }
}

extension Double {
    /// Rounded to four decimals: no share is known better.
    fileprivate var short: Double { (self * 10_000).rounded() / 10_000 }
}
