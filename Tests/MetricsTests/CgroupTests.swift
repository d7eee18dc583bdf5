import Glibc
import Linux
import Testing

@testable import Metrics

/// Control groups of both versions, in trees that stand for /sys/fs/cgroup.
@Suite struct CgroupTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)

    private func place(
        _ root: ProcFixture, path: String? = nil, list: String
    ) -> CgroupPlace? {
        CgroupPlace.find(path, list: list, root: root.root, exists: { access($0, F_OK) == 0 })
    }

    private func version2(_ root: ProcFixture) throws {
        try root.write("cgroup.controllers", "cpu memory\n")
        try root.write("a.slice/cpu.max", "max 100000\n")
        try root.write("a.slice/memory.max", "1000000\n")
        let app = "a.slice/app.service"
        try root.write("\(app)/cpu.stat", "usage_usec 1000000\nuser_usec 1\nsystem_usec 1\n")
        try root.write("\(app)/cpu.max", "50000 100000\n")
        try root.write("\(app)/memory.current", "700000\n")
        try root.write("\(app)/memory.max", "max\n")
        try root.write("\(app)/memory.stat", "anon 1\nfile 2\nactive_file 5\ninactive_file 200000\n")
        try root.write("\(app)/cpu.pressure", samplePressure)
    }

    @Test func aGroupOfVersion2IsReadAgainstItsLimits() throws {
        let root = try ProcFixture()
        try version2(root)
        let found = try #require(place(root, list: "0::/a.slice/app.service\n"))
        #expect(found.version == .two && found.holdsSelf)
        let group = Cgroup(found, buffer: ReadBuffer())
        group.readLimits()
        #expect(group.read(at: start, allowance: nil, machineCores: 8).cpu == nil, "shares need two looks")
        try root.write("a.slice/app.service/cpu.stat", "usage_usec 1250000\n")
        let reading = group.read(at: start.advanced(milliseconds: 1000), allowance: nil, machineCores: 8)
        #expect(reading.cores == 0.5)
        #expect(reading.cpu == 0.5, "0.25 s in 1 s of half a core")
        #expect(reading.memoryLimitBytes == 1_000_000, "the limit of the group above holds too")
        #expect(reading.workingSetBytes == 500_000)
        #expect(reading.pressure.cpu?.some == 3.99 && reading.pressure.io == nil)
        try root.write("a.slice/app.service/cpu.stat", "usage_usec 5\n")
        let back = group.read(at: start.advanced(milliseconds: 2000), allowance: nil, machineCores: 8)
        #expect(back.cpu == nil, "a counter that fell tells nothing")
        try root.write("a.slice/app.service/cpu.stat", "usage_usec 1000005\n")
        let stated = group.read(at: start.advanced(milliseconds: 3000), allowance: 4, machineCores: 8)
        #expect(stated.cpu == 0.25 && stated.cores == 4)
    }

    @Test func aGroupOfVersion1IsReadInItsTrees() throws {
        let root = try ProcFixture()
        try root.write("cpu,cpuacct/docker/x/cpuacct.usage", "1000000000\n")
        try root.write("cpu,cpuacct/docker/x/cpu.cfs_quota_us", "-1\n")
        try root.write("cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n")
        try root.write("cpu,cpuacct/docker/cpu.cfs_quota_us", "200000\n")
        try root.write("cpu,cpuacct/docker/cpu.cfs_period_us", "100000\n")
        try root.write("memory/docker/x/memory.usage_in_bytes", "900\n")
        try root.write("memory/docker/x/memory.limit_in_bytes", "9223372036854771712\n")
        try root.write("memory/docker/x/memory.stat", "inactive_file 1\ntotal_inactive_file 400\n")
        try root.write("cpuset/docker/x/cpuset.effective_cpus", "0-2,7\n")
        let list = "5:cpuset:/docker/x\n4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n1:name=systemd:/\n0::/\n"
        let found = try #require(place(root, list: list))
        #expect(found.version == .one)
        let group = Cgroup(found, buffer: ReadBuffer())
        group.readLimits()
        _ = group.read(at: start, allowance: nil, machineCores: 8)
        try root.write("cpu,cpuacct/docker/x/cpuacct.usage", "2000000000\n")
        let reading = group.read(at: start.advanced(milliseconds: 1000), allowance: nil, machineCores: 8)
        #expect(reading.cores == 2 && reading.cpu == 0.5)
        #expect(reading.memoryLimitBytes == nil && reading.workingSetBytes == 500)
    }

    @Test func aContainersOwnFolderIsTakenForTheRoot() throws {
        let root = try ProcFixture()
        try root.write("cpuacct/cpuacct.usage", "1\n")
        try root.write("cpu/cpu.shares", "1024\n")
        try root.write("memory/memory.usage_in_bytes", "900\n")
        let found = try #require(
            place(root, list: "4:memory:/docker/x\n3:cpu:/docker/x\n2:cpuacct:/docker/x\n"))
        #expect(found.usage == "\(root.root)/cpuacct" && found.memory == "\(root.root)/memory")
    }

    @Test(arguments: [
        ("/a.slice", true), ("/a.slice/app.service", true), ("/a.slice/app", false), ("/b.slice", false),
        ("/", true),
    ])
    func theAgentIsInTheGroupsAboveItsOwn(_ path: String, _ isInside: Bool) throws {
        let root = try ProcFixture()
        try version2(root)
        #expect(place(root, path: path, list: "0::/a.slice/app.service\n")?.holdsSelf == isInside)
    }

    @Test func noGroupsIsNoValue() throws {
        let root = try ProcFixture()
        #expect(place(root, list: "0::/\n") == nil)
        let sampler = Sampler(scope: .cgroup(path: nil), cgroups: root.root)
        #expect(!sampler.hasItsScope)
        let sample = sampler.sample(at: start)
        #expect(sample.cpu == nil && sample.memoryUsed == nil && sample.selfCPU == nil)
        #expect(sample.cores != nil && sample.load != nil, "the host's are still there")
    }

    @Test(arguments: [
        ("0", 1), ("0-3,8", 5), ("", nil), ("\n", nil), ("3-1", nil), ("a", nil), ("0-99999999", nil),
        ("-1", nil),
    ])
    func cpuListsAreCounted(_ text: String, _ count: Int?) { #expect(Cgroup.count(ofCPUs: text) == count) }

    @Test(arguments: [
        ("max 100000\n", nil), ("150000 100000\n", 1.5), ("0 100000", nil), ("5", nil), ("-5 100000", nil),
        ("100000 0", nil), ("", nil),
    ])
    func quotasAreCores(_ text: String, _ cores: Double?) { #expect(Cgroup.cores(text) == cores) }

    @Test(.enabled(if: Sampler(scope: .cgroup(path: nil)).hasItsScope, "no control groups here"))
    func thisProcessesOwnGroupGivesValuesInRange() throws {
        let sampler = Sampler(scope: .cgroup(path: nil))
        _ = sampler.sample(at: .now())
        let deadline = Instant.now().advanced(milliseconds: 50)
        while Instant.now() < deadline {}
        let sample = sampler.sample(at: .now())
        // The root of version 2 has no usage of its own.
        if let cpu = sample.cpu { #expect((0...1).contains(cpu)) }
        if let used = sample.memoryUsed { #expect((0...1).contains(used)) }
        #expect(sample.allowance ?? 1 > 0)
    }
}
