/// How finely every host's history is kept: the last 15 minutes and the last 24 hours, each at a step of its own.
package struct HistoryResolution: Sendable, Equatable {
    /// Seconds of a slot of the last 15 minutes.
    package let fineStep: Int64
    /// Seconds of a slot of the last 24 hours.
    package let coarseStep: Int64

    /// What the fine part covers, in seconds.
    package static let fineSpan: Int64 = 900
    /// What the coarse part covers, in seconds.
    package static let coarseSpan: Int64 = 86_400
    /// The memory of a host besides its tracks, in bytes: its name, and its place among the hosts.
    static let hostBytes = 384

    /// From the finest to the coarsest.
    package static let all = [
        HistoryResolution(fineStep: 1, coarseStep: 60), HistoryResolution(fineStep: 2, coarseStep: 60),
        HistoryResolution(fineStep: 3, coarseStep: 120), HistoryResolution(fineStep: 5, coarseStep: 120),
        HistoryResolution(fineStep: 10, coarseStep: 300), HistoryResolution(fineStep: 30, coarseStep: 600),
        HistoryResolution(fineStep: 60, coarseStep: 1800),
    ]

    /// The slots of the two parts.
    var fineCount: Int { Int(HistoryResolution.fineSpan / fineStep) }
    var coarseCount: Int { Int(HistoryResolution.coarseSpan / coarseStep) }

    /// The memory that one host needs, in bytes.
    package var bytesPerHost: Int {
        HistoryTrack.bytes(slots: fineCount) + HistoryTrack.bytes(slots: coarseCount)
            + HistoryResolution.hostBytes
    }

    /// The finest one in which `hosts` fit into the budget; the coarsest when none does.
    package static func fitting(hosts: Int, budgetBytes: Int) -> HistoryResolution {
        all.first { $0.bytesPerHost * hosts <= budgetBytes } ?? all[all.count - 1]
    }
}
