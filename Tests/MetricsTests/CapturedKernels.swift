import Fixtures
import Testing

/// Two moments of a kernel of Debian, and what a sampler must see in the second one.
struct CapturedKernel: CustomTestStringConvertible, Sendable {
    struct Memory: Sendable {
        var totalKiB: UInt64
        var availableKiB: UInt64
        var used: Double
        /// What `free` called available a moment later.
        var toldByFreeKiB: UInt64
        /// What an older kernel would have had estimated.
        var estimatedKiB: UInt64
    }

    /// Percentages of ten seconds: `some` and `full`.
    struct Pressure: Sendable {
        var cpu: [Double?]
        var memory: [Double?]
        var io: [Double?]
    }

    /// Bytes a second.
    struct Disk: Sendable {
        var name: String
        var read: Double
        var written: Double

        init(_ name: String, read: Double, written: Double) {
            (self.name, self.read, self.written) = (name, read, written)
        }
    }

    /// Bytes a second.
    struct Network: Sendable {
        var name: String
        var received: Double
        var sent: Double

        init(_ name: String, received: Double, sent: Double) {
            (self.name, self.received, self.sent) = (name, received, sent)
        }
    }

    /// Pages and faults a second, and all the kills since boot.
    struct Paging: Sendable {
        var swappedIn: Double
        var swappedOut: Double
        var majorFaults: Double
        var killsBefore: UInt64
        var killsAfter: UInt64
    }

    var name: String
    /// Between the moments, by the guest's own clock.
    var milliseconds: Int64
    var cpu: Double
    var steal: Double
    var iowait: Double
    var coresBefore: Int
    var coresAfter: Int
    /// The busy share of each CPU that was there in both moments.
    var coreShares: [UInt64: Double]
    var memory: Memory
    var load: [Double]
    /// Nil for a kernel that was told not to look for it.
    var pressure: Pressure?
    var disks: [Disk]
    var networks: [Network]
    var paging: Paging
    /// Seconds since 1970.
    var bootTime: UInt64
    var testDescription: String { name }

    private var folder: String { Repository.path("Tests/MetricsTests/Captured/\(name)") }

    /// Both moments as a sampler sees them.
    var looks: TwoLooks {
        TwoLooks(before: "\(folder)/before", after: "\(folder)/after", milliseconds: milliseconds)
    }

    /// A file of the first moment.
    func before(_ name: String) -> String { RedisServer.text(of: "\(folder)/before/\(name)") }

    /// A file of the second moment.
    func after(_ name: String) -> String { RedisServer.text(of: "\(folder)/after/\(name)") }

    /// As Captured/figures.py prints them.
    static let all: [CapturedKernel] = [
        CapturedKernel(
            name: "5.10-amd64", milliseconds: 10480, cpu: 0.402597, steal: 0.000000, iowait: 0.246753,
            coresBefore: 2, coresAfter: 2, coreShares: [0: 0.500000, 1: 0.305000],
            memory: .init(
                totalKiB: 472100, availableKiB: 430400, used: 0.088329, toldByFreeKiB: 430520,
                estimatedKiB: 432820),
            load: [0.29, 0.06, 0.02], pressure: nil,
            disks: [
                .init("vda", read: 613325.191, written: 3203224.427),
                .init("vdb", read: 0.000, written: 0.000),
            ],
            networks: [
                .init("lo", received: 2109.160, sent: 2109.160),
                .init("eth0", received: 702.099, sent: 708.206),
            ],
            paging: .init(
                swappedIn: 0.000, swappedOut: 0.000, majorFaults: 0.000, killsBefore: 0, killsAfter: 0),
            bootTime: 1796054744),
        CapturedKernel(
            name: "5.10-686", milliseconds: 10130, cpu: 0.512897, steal: 0.000000, iowait: 0.151786,
            coresBefore: 1, coresAfter: 1, coreShares: [0: 0.512897],
            memory: .init(
                totalKiB: 1283488, availableKiB: 1149188, used: 0.104637, toldByFreeKiB: 1149188,
                estimatedKiB: 1182826),
            load: [0.29, 0.06, 0.02],
            pressure: .init(cpu: [15.99, nil], memory: [0.00, 0.00], io: [32.48, 10.35]),
            disks: [
                .init("vda", read: 634516.091, written: 3313898.519),
                .init("vdb", read: 0.000, written: 0.000),
            ],
            networks: [
                .init("lo", received: 2182.034, sent: 2182.034),
                .init("eth0", received: 737.216, sent: 731.096),
            ],
            paging: .init(
                swappedIn: 0.000, swappedOut: 0.000, majorFaults: 0.000, killsBefore: 0, killsAfter: 0),
            bootTime: 1796054771),
        CapturedKernel(
            name: "6.1-rt", milliseconds: 10380, cpu: 0.417808, steal: 0.000000, iowait: 0.202544,
            coresBefore: 2, coresAfter: 1, coreShares: [0: 0.417808],
            memory: .init(
                totalKiB: 466164, availableKiB: 425848, used: 0.086485, toldByFreeKiB: 425848,
                estimatedKiB: 428240),
            load: [0.36, 0.08, 0.03],
            pressure: .init(cpu: [3.98, 0.00], memory: [0.00, 0.00], io: [23.23, 11.82]),
            disks: [
                .init("vda", read: 618937.958, written: 3234084.008),
                .init("vdb", read: 0.000, written: 0.000),
            ],
            networks: [
                .init("lo", received: 2129.480, sent: 2129.480),
                .init("eth0", received: 708.863, sent: 706.744),
            ],
            paging: .init(
                swappedIn: 0.000, swappedOut: 0.000, majorFaults: 0.000, killsBefore: 0, killsAfter: 0),
            bootTime: 1796054801),
        CapturedKernel(
            name: "6.1-arm64", milliseconds: 10450, cpu: 0.394168, steal: 0.000000, iowait: 0.158371,
            coresBefore: 2, coresAfter: 2, coreShares: [0: 0.496510, 1: 0.290061],
            memory: .init(
                totalKiB: 486532, availableKiB: 453476, used: 0.067942, toldByFreeKiB: 453936,
                estimatedKiB: 454164),
            load: [0.21, 0.05, 0.02],
            pressure: .init(cpu: [2.53, 0.00], memory: [0.00, 0.00], io: [21.75, 14.50]),
            disks: [
                .init("vda", read: 615085.933, written: 3212420.287),
                .init("vdb", read: 0.000, written: 0.000),
            ],
            networks: [
                .init("lo", received: 2115.215, sent: 2115.215),
                .init("eth0", received: 714.641, sent: 708.708),
            ],
            paging: .init(
                swappedIn: 0.000, swappedOut: 0.000, majorFaults: 0.000, killsBefore: 0, killsAfter: 0),
            bootTime: 1796054891),
        CapturedKernel(
            name: "6.1-s390x", milliseconds: 10670, cpu: 0.449165, steal: 0.000000, iowait: 0.210024,
            coresBefore: 2, coresAfter: 2, coreShares: [0: 0.358166, 1: 0.540076],
            memory: .init(
                totalKiB: 498524, availableKiB: 468636, used: 0.059953, toldByFreeKiB: 469156,
                estimatedKiB: 469336),
            load: [0.21, 0.05, 0.02],
            pressure: .init(cpu: [8.18, 0.00], memory: [0.00, 0.00], io: [25.54, 22.64]),
            disks: [
                .init("vda", read: 0.000, written: 0.000),
                .init("vdb", read: 602115.839, written: 3146184.817),
            ],
            networks: [
                .init("lo", received: 2071.603, sent: 2071.603),
                .init("eth0", received: 689.597, sent: 687.535),
            ],
            paging: .init(
                swappedIn: 0.000, swappedOut: 0.000, majorFaults: 0.000, killsBefore: 0, killsAfter: 0),
            bootTime: 1796054916),
        CapturedKernel(
            name: "6.12-cloud", milliseconds: 13790, cpu: 0.201731, steal: 0.000000, iowait: 0.121189,
            coresBefore: 4, coresAfter: 4, coreShares: [0: 0.206949, 1: 0.134082, 2: 0.348576, 3: 0.116578],
            memory: .init(
                totalKiB: 473992, availableKiB: 405540, used: 0.144416, toldByFreeKiB: 405200,
                estimatedKiB: 407842),
            load: [0.33, 0.08, 0.03],
            pressure: .init(cpu: [1.52, 0.00], memory: [0.61, 0.58], io: [11.60, 10.75]),
            disks: [
                .init("vda", read: 465886.584, written: 2434431.907),
                .init("vdb", read: 0.000, written: 0.000),
                .init("vdc", read: 4875992.458, written: 5388066.715),
            ],
            networks: [
                .init("lo", received: 1602.901, sent: 1602.901),
                .init("eth0", received: 533.575, sent: 531.980),
            ],
            paging: .init(
                swappedIn: 1190.428, swappedOut: 1315.446, majorFaults: 0.290, killsBefore: 0, killsAfter: 1),
            bootTime: 1796054825),
        CapturedKernel(
            name: "7.2-nvme", milliseconds: 10690, cpu: 0.370469, steal: 0.000000, iowait: 0.193497,
            coresBefore: 2, coresAfter: 2, coreShares: [0: 0.276596, 1: 0.464744],
            memory: .init(
                totalKiB: 468684, availableKiB: 416684, used: 0.110949, toldByFreeKiB: 416960,
                estimatedKiB: 418996),
            load: [0.59, 0.13, 0.04],
            pressure: .init(cpu: [8.28, 0.00], memory: [0.00, 0.00], io: [15.61, 13.15]),
            disks: [
                .init("vda", read: 0.000, written: 0.000),
                .init("nvme0n1", read: 600989.336, written: 3140394.387),
            ],
            networks: [
                .init("lo", received: 2067.727, sent: 2067.727),
                .init("eth0", received: 698.597, sent: 692.797),
            ],
            paging: .init(
                swappedIn: 0.000, swappedOut: 0.000, majorFaults: 0.000, killsBefore: 0, killsAfter: 0),
            bootTime: 1796054859),
    ]
}
