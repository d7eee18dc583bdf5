package import Linux

/// The doctor monkey: finds hosts that have been far too hot for too long, or that are gone.
package struct DoctorPolicy: Sendable {
    /// What the policy makes of the troop now.
    package struct Thought: Sendable, Equatable {
        /// Hosts above the threshold over the whole hold, with their busy share, hottest first.
        package var hot: [Patient]
        /// Why so many hosts are hot that it cannot be theirs to cure; nil when they are not.
        package var storm: String?
        /// The leader is hot itself, and would have to hand over first; the reason why.
        package var hotLeader: String?
        /// Hosts that have not reported and whose server fails its checks, whether for long enough or not.
        package var gone: [String]
        /// What should be done, the most urgent first.
        package var wishes: [Wish]
    }

    /// A host that is unwell.
    package struct Patient: Sendable, Equatable {
        package var host: String
        /// Busy share over the hold, 0…1.
        package var share: Double
    }

    package let settings: DoctorSettings
    private var book: HeatBook
    private var goneSince: [String: Instant] = [:]
    private var stormAt: Instant?

    /// Other hosts that must not reach a host either before it is treated for being gone; all of them where there are fewer.
    private static let witnesses = 2
    /// From this part of the active servers on, hot hosts are a storm.
    private static let stormPart = 0.5

    /// A policy that has seen nothing.
    package init(_ settings: DoctorSettings) {
        self.settings = settings
        book = HeatBook(holdMilliseconds: settings.holdMilliseconds)
    }

    /// Looks at the troop; `fleetIsHot` is the gift monkey's word, `again` names hosts whose last remedy failed.
    package mutating func look(
        at view: FleetView, fleetIsHot: Bool, again: [String: String] = [:], now: Instant
    ) -> Thought {
        book.take(view, at: now)
        let above = Double(settings.abovePercent) / 100
        var hot: [(patient: Patient, server: FleetView.Server)] = []
        for (place, host) in view.hosts.enumerated() where host.isFresh {
            guard let share = book.held(at: place, above: above), let server = view.server(at: place) else {
                continue
            }
            hot.append((Patient(host: host.name, share: share), server))
        }
        hot.sort { ($0.patient.share, $1.patient.host) > ($1.patient.share, $0.patient.host) }
        let active = view.servers.count { $0.state == .active }
        var storm: String?
        if fleetIsHot {
            storm = "the whole fleet is hot: more servers help, fewer do not"
        } else if hot.count > 1, Double(hot.count) >= Double(active) * DoctorPolicy.stormPart {
            storm = "\(hot.count) of \(active) servers are hot at once: that is no illness of one host"
        }
        if storm != nil {
            stormAt = now
        } else if let stormAt, now.milliseconds(since: stormAt) < settings.holdMilliseconds {
            // Who is still hot as a storm ends is its last victim, not a patient.
            storm = "many servers were hot at once \(span(now.milliseconds(since: stormAt))) ago"
        }
        var wishes = unreachable(view, now)
        var hotLeader: String?
        for (patient, server) in hot {
            let reason =
                "cpu of \(patient.host) \(percent(patient.share)) over \(settings.abovePercent) % for \(span(settings.holdMilliseconds))"
            if patient.host == view.leader {
                hotLeader = reason
                continue
            }
            guard server.state == .active else { continue }
            if settings.confirm == .cpuAndProbe, server.isHealthy != false { continue }
            wishes.append(.heal(host: patient.host, server: server.address, reason: reason))
        }
        for (host, why) in again.sorted(by: { $0.key < $1.key }) where host != view.leader {
            guard !wishes.contains(where: { $0.host == host }) else { continue }
            wishes.append(.heal(host: host, server: nil, reason: why))
        }
        return Thought(
            hot: hot.map(\.patient), storm: storm, hotLeader: hotLeader, gone: goneSince.keys.sorted(),
            wishes: wishes)
    }

    /// Forgets a host's heat: it was treated.
    package mutating func beginAnew(with host: String) {
        book.reset(host)
        goneSince[host] = nil
    }

    /// Hosts that have neither reported nor answered their checks for the whole hold.
    private mutating func unreachable(_ view: FleetView, _ now: Instant) -> [Wish] {
        guard settings.unreachable else { return [] }
        var gone: [String: Instant] = [:]
        var wishes: [Wish] = []
        let fresh = view.hosts.count { $0.isFresh && $0.name != view.leader }
        for (place, host) in view.hosts.enumerated() where !host.isFresh && host.name != view.leader {
            guard let server = view.server(at: place), server.state == .active, server.isHealthy == false
            else {
                continue
            }
            let since = goneSince[host.name] ?? now
            gone[host.name] = since
            guard now.milliseconds(since: since) >= settings.holdMilliseconds else { continue }
            // The leader's own network may be what is broken: others must say the same.
            let words = view.words[host.name]?.count ?? 0
            guard words >= max(1, min(DoctorPolicy.witnesses, fresh)) else { continue }
            wishes.append(
                .heal(
                    host: host.name, server: server.address,
                    reason:
                        "\(host.name) has not reported and its server has failed its checks for \(span(settings.holdMilliseconds)); \(words) other hosts do not reach it either"
                ))
        }
        goneSince = gone
        return wishes
    }
}
