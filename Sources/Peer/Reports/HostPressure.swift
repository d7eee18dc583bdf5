package import Linux

/// What a host's report says of the work that waits there for a CPU: the proxy sends less to its servers.
extension HostReport {
    /// Beyond this the CPUs being busy is pressure, whoever waits: the kernel's word may be the whole machine's, or missing.
    private static let busyFrom = 0.8

    /// 0…1, the larger of two: the share of the time in which something waited for a CPU (`some avg10` of PSI), and how far
    /// the CPUs are busy beyond four fifths. Nil when neither is known.
    package var pressure: Double? {
        let waiting = pressureCPUSome.map { $0 / 100 }
        let busy = cpu.map { ($0 - HostReport.busyFrom) / (1 - HostReport.busyFrom) }
        guard let most = [waiting, busy].compactMap({ $0 }).max() else { return nil }
        return min(max(most, 0), 1)
    }
}

extension HostBook {
    /// A report that is older says nothing of now, in milliseconds: twelve times a pressure's half-life.
    private static let pressureMilliseconds: Int64 = 60_000

    /// The pressure of every host that reported lately, with the moment of its report.
    package func pressures(at now: Instant) -> [String: (value: Double, at: Instant)] {
        pages.compactMapValues { page in
            guard now.milliseconds(since: page.movedAt) < HostBook.pressureMilliseconds else { return nil }
            return page.report?.pressure.map { ($0, page.movedAt) }
        }
    }
}
