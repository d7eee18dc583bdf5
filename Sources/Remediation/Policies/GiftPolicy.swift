package import Linux

/// The gift monkey: launches servers while the fleet is hot, and takes launched ones away while it is idle.
///
/// A pure core: it is shown the troop once a second and says what it sees and wishes; what may be done about it is the
/// guards' to say.
package struct GiftPolicy: Sendable {
    /// What the policy makes of the troop now.
    package struct Thought: Sendable, Equatable {
        /// The mean busy share of the fresh hosts with an active server in the last window, 0…1; nil while too few
        /// reported.
        package var mean: Double?
        /// Hot since the mean was held above `above`, until it falls below `clear`.
        package var isHot: Bool
        /// What should be done now; nil for nothing.
        package var wish: Wish?
    }

    package let settings: GiftSettings
    private var book: HeatBook
    private var idleBook: HeatBook
    private var isHot = false

    /// A policy that has seen nothing.
    package init(_ settings: GiftSettings) {
        self.settings = settings
        book = HeatBook(holdMilliseconds: settings.holdMilliseconds)
        idleBook = HeatBook(holdMilliseconds: settings.idleMilliseconds)
    }

    /// Looks at the troop.
    package mutating func look(at view: FleetView, now: Instant) -> Thought {
        book.take(view, at: now)
        if settings.scaleIn { idleBook.take(view, at: now) }
        let serving = view.hosts.indices.filter { place in
            view.hosts[place].isFresh && view.server(at: place)?.state == .active
        }
        let means = book.fleetMeans(over: serving)
        let mean = means[0].isNaN ? nil : means[0]
        let above = Double(settings.abovePercent) / 100
        let held = HeatBook.held(means, book.shape) { $0 > above }
        if held != nil { isHot = true }
        if let mean, mean < Double(settings.clearPercent) / 100 { isHot = false }
        var wish: Wish?
        if let held {
            wish = .launch(
                count: settings.step,
                reason:
                    "mean cpu \(percent(held)) over \(settings.abovePercent) % for \(span(settings.holdMilliseconds))"
            )
        } else if settings.scaleIn {
            wish = retirement(from: view, serving)
        }
        return Thought(mean: mean, isHot: isHot, wish: wish)
    }

    /// Forgets the windows so far: the fleet has changed, and what counts is how it fares now. One that was hot is hot until
    /// it has calmed down, so that nobody takes its hosts for ill meanwhile.
    package mutating func beginAnew() {
        book.reset()
        idleBook.reset()
    }

    /// The newest server that was launched by an operation, when the fleet has been idle throughout.
    private func retirement(from view: FleetView, _ serving: [Int]) -> Wish? {
        let below = Double(settings.belowPercent) / 100
        let means = idleBook.fleetMeans(over: serving)
        guard let held = HeatBook.held(means, idleBook.shape, { $0 < below }) else { return nil }
        let active = view.servers.filter { $0.state == .active }
        guard active.count > settings.min else { return nil }
        let launched = active.filter { $0.host.hasPrefix(GiftPolicy.namePrefix) && $0.host != view.leader }
        guard let newest = launched.max(by: { $0.host < $1.host }) else { return nil }
        let reason =
            "mean cpu \(percent(held)) below \(settings.belowPercent) % for \(span(settings.idleMilliseconds))"
        return .retire(host: newest.host, server: newest.address, reason: reason)
    }

    /// What the names of launched hosts begin with; the rest rises with the time of the launch.
    package static let namePrefix = "gift-"
}
