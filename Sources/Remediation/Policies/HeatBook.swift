package import Linux

/// How busy each host was in the last windows of time: the memory of both policies.
///
/// Only a report that moved adds a value, so that a frozen one counts once and then no more; a window in which a host
/// did not report has no value for it. Hosts stand in it in the order of the view that was taken in last, and are asked
/// for by their places there: a decision over 10,000 hosts looks none of them up by name.
package struct HeatBook: Sendable {
    /// The windows that a decision looks at.
    package struct Shape: Sendable, Equatable {
        /// How long one window is, in milliseconds.
        package let windowMilliseconds: Int64
        /// How many of them make up the time to hold, 1…6.
        package let count: Int
        /// How many of those must agree: five of six.
        package var needed: Int { count - count / 6 }

        /// Six windows, fewer where they would be so short that a report more or less counts.
        package init(holdMilliseconds: Int64) {
            let count = Swift.min(6, Swift.max(1, Int(holdMilliseconds / HeatBook.windowMillisecondsMin)))
            self.count = count
            windowMilliseconds = Swift.max(HeatBook.windowMillisecondsMin, holdMilliseconds / Int64(count))
        }
    }

    /// The windows of one host: the one that is being filled, and the last ones that are complete.
    private struct Track: Sendable {
        let host: String
        var seq = ""
        var sum = 0.0
        var samples = 0
        /// The number of the window that is being filled.
        var window: Int64 = -1
        /// Means of the windows before it, the youngest in lane 0; NaN for none.
        var means = SIMD8<Double>(repeating: .nan)

        init(_ host: String) { self.host = host }

        mutating func roll(to next: Int64) {
            guard next > window else { return }
            let mean = samples > 0 ? sum / Double(samples) : .nan
            let gap = window < 0 ? 9 : Int(Swift.min(9, next - window))
            var shifted = SIMD8<Double>(repeating: .nan)
            for lane in 0..<8 where lane >= gap { shifted[lane] = means[lane - gap] }
            if gap <= 8 { shifted[gap - 1] = mean }
            means = shifted
            window = next
            sum = 0
            samples = 0
        }
    }

    /// A window shorter than this might miss a report, in milliseconds.
    package static let windowMillisecondsMin: Int64 = 2000

    package let shape: Shape
    private var tracks: [Track] = []

    /// An empty book.
    package init(holdMilliseconds: Int64) { shape = Shape(holdMilliseconds: holdMilliseconds) }

    /// Forgets everything.
    package mutating func reset() { tracks = [] }

    /// Forgets one host.
    package mutating func reset(_ host: String) {
        guard let place = tracks.firstIndex(where: { $0.host == host }) else { return }
        tracks[place] = Track(host)
    }

    /// Takes in what the hosts reported since the last call; hosts that are gone are forgotten.
    package mutating func take(_ view: FleetView, at now: Instant) {
        let window = now.nanoseconds / (shape.windowMilliseconds * 1_000_000)
        align(with: view.hosts)
        for place in view.hosts.indices {
            HeatBook.note(view.hosts[place], in: &tracks[place], window)
        }
    }

    /// The same hosts in the same order; they seldom change.
    private mutating func align(with hosts: [FleetView.Host]) {
        if tracks.count == hosts.count, zip(tracks, hosts).allSatisfy({ $0.host == $1.name }) { return }
        let known = tracks
        let places = Dictionary(known.indices.map { (known[$0].host, $0) }) { first, _ in first }
        tracks = hosts.map { host in places[host.name].map { known[$0] } ?? Track(host.name) }
    }

    private static func note(_ host: FleetView.Host, in track: inout Track, _ window: Int64) {
        track.roll(to: window)
        guard host.isFresh, host.seq != track.seq else { return }
        track.seq = host.seq
        guard let busy = host.busy, busy.isFinite else { return }
        track.sum += Swift.min(1, Swift.max(0, busy))
        track.samples += 1
    }

    /// The share that a host was busy over the time to hold, when it was above `share` throughout: in five of six
    /// windows, the last one among them. Nil otherwise. The host is named by its place in the view taken in last.
    package func held(at place: Int, above share: Double) -> Double? {
        HeatBook.held(tracks[place].means, shape) { $0 > share }
    }

    static func held(_ means: SIMD8<Double>, _ shape: Shape, _ counts: (Double) -> Bool) -> Double? {
        guard counts(means[0]) else { return nil }
        var agreeing = 0
        var sum = 0.0
        for lane in 0..<shape.count where counts(means[lane]) {
            agreeing += 1
            sum += means[lane]
        }
        return agreeing >= shape.needed ? sum / Double(agreeing) : nil
    }

    /// The means over many hosts, window by window; a window that fewer than half of them have values for has none. Hosts
    /// are named by their places in the view taken in last.
    func fleetMeans(over places: some Sequence<Int>) -> SIMD8<Double> {
        var sums = SIMD8<Double>(repeating: 0)
        var counts = SIMD8<Double>(repeating: 0)
        var asked = 0.0
        for place in places {
            asked += 1
            let means = tracks[place].means
            let known = means .== means  // false for NaN
            sums += means.replacing(with: 0, where: .!known)
            counts += SIMD8<Double>(repeating: 0).replacing(with: 1, where: known)
        }
        let enough = counts .>= SIMD8<Double>(repeating: asked / 2) .& (counts .> SIMD8<Double>(repeating: 0))
        return (sums / counts).replacing(with: .nan, where: .!enough)
    }
}
