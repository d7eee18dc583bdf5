package import Linux

/// What a host's report says of the work that waits there for a CPU: the proxy sends less to its servers.
extension HostReport {
    /// Above this the CPUs themselves stand for pressure where the kernel tells none.
    private static let busyFrom = 0.8

    /// 0…1: the share of the time in which something waited for a CPU (`some avg10` of PSI); without that, how far the CPUs
    /// are busy beyond four fifths. Nil when neither is known.
    package var pressure: Double? {
        if let some = pressureCPUSome { return min(max(some / 100, 0), 1) }
        return cpu.map { min(max(($0 - HostReport.busyFrom) / (1 - HostReport.busyFrom), 0), 1) }
    }
}

extension HostBook {
    /// Every host's pressure, with the moment of its report.
    package var pressures: [String: (value: Double, at: Instant)] {
        pages.compactMapValues { page in page.report?.pressure.map { ($0, page.movedAt) } }
    }
}
