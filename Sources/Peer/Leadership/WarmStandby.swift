package import Linux

/// Which standbys keep their checks running and remember the hosts while another leads: those that ask at once when the lease
/// ends. Whoever of them wins knows its servers and what was before.
package enum WarmStandby {
    /// Whether this host is to be warm. `live` are the hosts that report; `isPreferred` is true for one that a person gave a
    /// higher priority than the usual.
    package static func includes(
        _ host: String, live: [String], scale: TroopScale, isPreferred: Bool
    ) -> Bool {
        // A far host reads no reports: it could neither remember nor know who is before it.
        !scale.isFar(host, isPreferred: isPreferred)
            && !Candidacy.standsBack(host, live: live, isPreferred: isPreferred)
    }
}

extension HostBook {
    /// A host that reported within this time is live, in milliseconds; or within three of its intervals.
    private static let liveMilliseconds: Int64 = 15_000

    /// The hosts that count when candidates are told from those that stand back.
    package func live(at scale: TroopScale, now: Instant) -> [String] {
        let limit = max(HostBook.liveMilliseconds, 3 * scale.reportMilliseconds)
        return pages.keys.filter { name in age(of: name, at: now).map { $0 < limit } ?? false }
    }
}
