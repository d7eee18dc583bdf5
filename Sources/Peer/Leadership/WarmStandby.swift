package import Linux

/// Which standbys keep their checks running while another host leads.
package enum WarmStandby {
    /// A troop of at most so many hosts keeps all of them warm.
    static let smallTroop = 5
    /// In a larger one the first so many by name are warm: each of them costs every server one more check.
    static let candidates = 3

    /// True when this host is to be warm, by the reports it last read; a host always counts itself as alive.
    package static func includes(_ host: String, in book: HostBook, at now: Instant) -> Bool {
        let alive = book.pages.filter { name, page in
            guard name != host, let report = page.report, let age = book.age(of: name, at: now) else {
                return false
            }
            return HostBook.liveness(
                ageMilliseconds: age, intervalMilliseconds: report.intervalMilliseconds) != .lost
        }
        return includes(host, among: Array(alive.keys))
    }

    /// The same by the names of the other hosts that are alive.
    static func includes(_ host: String, among others: [String]) -> Bool {
        if others.count < smallTroop { return true }
        return others.filter { $0 < host }.count < candidates
    }
}
