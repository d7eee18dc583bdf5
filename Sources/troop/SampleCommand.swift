import ArgumentParser
import Glibc
import Linux
import Metrics
import Peer

/// `troop sample`: one evaluated sample of this host, or of snapshots of a /proc.
struct SampleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample", abstract: "Look at this host once, as the agent does, and print what it sees.",
        discussion: """
            Rates and shares are those between two looks, --interval apart. With --proc the looks are at copies of a \
            /proc instead, in the order given: troop sample --proc monday tuesday --interval 10s. A copy needs \
            no more than the files that are to be looked at: stat, meminfo, zoneinfo (for kernels without \
            MemAvailable), loadavg, pressure/, vmstat, diskstats, net/dev. What cannot be known is null, or a dash.
            """)

    @Option(
        parsing: .upToNextOption,
        help: "A folder that holds a copy of /proc; give several for successive moments.")
    var proc: [String] = []
    @Option(help: "The time between two looks (default: 1s, with --proc 10s).")
    var interval: TimeSpan?
    @Option(help: "How many of the greediest processes to show, 0 to 50; not with --proc.")
    var top = 0
    @OptionGroup var output: OutputOptions

    /// Copies of /proc that are taken at a time.
    private static let copiesMax = 1000
    /// How long file systems may take to answer, in milliseconds.
    private static let patienceMilliseconds = FilesystemWatch.patienceMilliseconds + 200

    func validate() throws {
        guard (0...TopWatch.countMax).contains(top) else {
            throw ValidationError("--top is \(top); expected 0 to \(TopWatch.countMax)")
        }
        // Copies may be a day apart; nobody waits for that.
        let hours: Int64 = proc.isEmpty ? 1 : 24
        if let interval, !(10...hours * 3_600_000).contains(interval.milliseconds) {
            throw ValidationError("--interval: expected 10ms to \(hours)h")
        }
        guard proc.count <= SampleCommand.copiesMax else {
            throw ValidationError(
                "--proc is given \(proc.count) folders; expected at most \(SampleCommand.copiesMax)")
        }
        guard proc.isEmpty || top == 0 else {
            throw ValidationError("--top looks at this host, not at copies")
        }
    }

    func run() throws {
        var sample = proc.isEmpty ? try live() : try copies()
        sample.selfCPU = nil  // no agent looks here
        let document = SampleDocument(sample)
        switch output.output {
        case .json: Output.json(document)
        case .table: Output.write(SampleTable.text(document))
        }
    }

    private func live() throws -> Sample {
        let filesystems = try FilesystemWatch()
        let processes = top > 0 ? try TopWatch(count: top) : nil
        let sampler = Sampler(scope: .host, filesystems: filesystems, top: processes)
        _ = sampler.sample(at: .now(), thorough: true)
        usleep(UInt32((interval?.milliseconds ?? 1000) * 1000))
        let deadline = Instant.now().advanced(milliseconds: SampleCommand.patienceMilliseconds)
        // The first round of questions may still be under way; a mount that does not answer is then unknown.
        while filesystems.look(at: .now()) == nil, Instant.now() < deadline { usleep(10_000) }
        if let processes {
            while processes.look() == nil, Instant.now() < deadline { usleep(10_000) }
        }
        defer {
            filesystems.stop()
            processes?.stop()
        }
        return sampler.sample(at: .now(), thorough: true)
    }

    private func copies() throws -> Sample {
        for folder in proc { try check(folder) }
        let sampler = Sampler(scope: .host, proc: proc[0])
        let step = interval?.milliseconds ?? 10_000
        var now = Instant(nanoseconds: 0)
        var sample = sampler.sample(at: now, thorough: true)
        for folder in proc.dropFirst() {
            now = now.advanced(milliseconds: step)
            sampler.move(to: folder)
            sample = sampler.sample(at: now, thorough: true)
        }
        return sample
    }

    /// Refuses what is surely no copy of a /proc, with what is wrong.
    private func check(_ folder: String) throws {
        var status = stat()
        func fail(_ why: String) -> ExitCode {
            ExitStatus.complain("--proc \(Table.printable(folder)): \(why)")
            return ExitStatus.degraded
        }
        guard stat(folder, &status) == 0 else {
            throw fail("\(SystemFault("stat").reason); expected a folder with a copy of /proc")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw fail("is no folder; expected a copy of /proc") }
        let files = ["stat", "meminfo", "loadavg", "vmstat", "diskstats", "net/dev", "pressure/cpu"]
        guard files.contains(where: { access("\(folder)/\($0)", R_OK) == 0 }) else {
            throw fail("holds none of \(files.joined(separator: ", ")), or they may not be read")
        }
    }
}

/// A sample for people.
private enum SampleTable {
    static func text(_ sample: SampleDocument) -> String {
        var table = Table(["WHAT", "VALUE", "MORE"])
        func row(_ what: String, _ value: String?, _ more: [String?] = []) {
            table.add([
                .init(what), .init(value ?? "-"), .init(more.compactMap(\.self).joined(separator: ", ")),
            ])
        }
        row(
            "cpu", percent(sample.cpu.busy),
            [
                sample.cpu.cores.map { "\($0) cores" }, labelled("steal", percent(sample.cpu.steal)),
                labelled("iowait", percent(sample.cpu.iowait)),
            ])
        row(
            "memory", percent(sample.memory.used),
            [
                labelled("of", sample.memory.totalBytes.map { size(Double($0)) }),
                labelled("available", sample.memory.availableBytes.map { size(Double($0)) }),
            ])
        row("load", sample.load.map { $0.map { "\($0)" }.joined(separator: " ") })
        for (name, stall) in [
            ("cpu", sample.pressure.cpu), ("memory", sample.pressure.memory), ("io", sample.pressure.io),
        ] {
            row(
                "pressure \(name)", stall?.someAvg10.map { "\($0)%" },
                [labelled("all tasks", stall?.fullAvg10.map { "\($0)%" })])
        }
        for disk in sample.disks ?? [] where disk.reads != 0 || disk.writes != 0 {
            row(
                "disk \(disk.name)", percent(disk.busy),
                [labelled("read", rate(disk.readBytes)), labelled("written", rate(disk.writtenBytes))])
        }
        for interface in sample.network ?? [] where interface.receivedBytes != 0 || interface.sentBytes != 0 {
            row(
                "network \(interface.name)", rate(interface.receivedBytes),
                [
                    labelled("sent", rate(interface.sentBytes)),
                    labelled("errors/s", interface.errors.map { "\($0)" }),
                ]
            )
        }
        for filesystem in sample.filesystems ?? [] {
            row(
                "files \(filesystem.mountPoint)", percent(filesystem.used),
                [
                    filesystem.totalBytes == nil ? "does not answer" : nil,
                    labelled("of", filesystem.totalBytes.map { size(Double($0)) }), filesystem.type,
                    filesystem.readOnly ? "read-only" : nil,
                ])
        }
        for process in sample.top ?? [] {
            row(
                "process \(process.pid)", percent(process.cores),
                [process.name, size(Double(process.residentBytes))])
        }
        row("read in", "\(sample.readUs) µs")
        return table.text
    }

    private static func labelled(_ label: String, _ value: String?) -> String? {
        value.map { "\(label) \($0)" }
    }

    private static func percent(_ share: Double?) -> String? {
        share.map { "\((($0 * 1000).rounded()) / 10)%" }
    }

    private static func rate(_ bytes: Double?) -> String? { bytes.map { "\(size($0))/s" } }

    private static func size(_ bytes: Double) -> String {
        var (value, unit) = (bytes, "B")
        for larger in ["KiB", "MiB", "GiB", "TiB", "PiB"] where value >= 1024 {
            (value, unit) = (value / 1024, larger)
        }
        return "\((value * 10).rounded() / 10) \(unit)"
    }
}
