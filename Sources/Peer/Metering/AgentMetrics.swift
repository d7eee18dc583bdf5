import Linux
package import Metrics
package import Store

/// The host, the store and the agent itself, as metrics.
package struct AgentMetrics: MetricSource {
    private let watch: HostWatch
    private let store: StoreMeter
    private let ticks: TickMeter

    /// Metrics of one agent.
    package init(watch: HostWatch, store: StoreMeter, ticks: TickMeter) {
        self.watch = watch
        self.store = store
        self.ticks = ticks
    }

    package func metricFamilies() async -> [MetricFamily] {
        let counters = watch.counters()
        return HostMetrics.families(counters) + ProcessMetrics.families(bootTime: counters.bootTime)
            + storeFamilies + agentFamilies(counters.sample)
    }

    private var storeFamilies: [MetricFamily] {
        [
            MetricFamily(
                "troop_store_up", .gauge, "Whether Redis answered the last call: 1 or 0", store.isUp ? 1 : 0),
            MetricFamily(
                "troop_store_round_trips_total", .counter, "Calls to Redis that were answered",
                Double(store.roundTrips)),
            MetricFamily(
                "troop_store_round_trip_seconds_total", .counter, "Time spent by these calls",
                Double(store.answeredNanoseconds) / 1e9),
            MetricFamily(
                "troop_store_errors_total", .counter,
                "Calls to Redis that failed or were answered with an error", Double(store.errors)),
            MetricFamily(
                "troop_store_reconnects_total", .counter, "Connections to Redis after the first",
                Double(max(0, store.connects - 1))),
        ]
    }

    private func agentFamilies(_ sample: Sample) -> [MetricFamily] {
        var build = MetricFamily("troop_build_info", .gauge, "Always 1; the agent's version")
        build.add(1, [("version", Version.text)])
        return [
            build,
            MetricFamily(
                "troop_agent_ticks_total", .counter, "Times the agent has looked at its host and reported",
                Double(ticks.ticks)),
            MetricFamily(
                "troop_agent_tick_cpu_seconds_total", .counter, "CPU time of these ticks",
                Double(ticks.nanoseconds) / 1e9),
            MetricFamily(
                "troop_agent_sample_seconds", .gauge, "How long the last look at the host took",
                sample.readMicroseconds == 0 ? nil : Double(sample.readMicroseconds) / 1e6),
        ]
    }
}
