import Metrics

/// What came by each listener, as metrics: by the names of the totals, with `listener` in them.
enum ListenerMetrics {
    /// The listeners by the scheme of their clients' URLs.
    private static func each(_ listener: ProxySnapshot.Listener) -> [(name: String, counts: ListenerCounts)] {
        [("http", listener.plain), ("https", listener.secure)]
    }

    /// The families of one proxy's listeners at one moment.
    static func families(_ listener: ProxySnapshot.Listener) -> [MetricFamily] {
        [
            family("connections", .gauge, "Connections of clients that are open, by listener", listener) {
                Double($0.open)
            },
            family(
                "connections_accepted_total", .counter, "Connections taken from clients, by listener",
                listener
            ) { Double($0.accepted) },
            family("requests_total", .counter, "Requests with a valid head, by listener", listener) {
                Double($0.requests)
            },
        ]
    }

    private static func family(
        _ name: String, _ kind: MetricFamily.Kind, _ help: String, _ listener: ProxySnapshot.Listener,
        _ value: (ListenerCounts) -> Double
    ) -> MetricFamily {
        var family = MetricFamily("troop_proxy_listener_\(name)", kind, help)
        for (name, counts) in each(listener) { family.add(value(counts), [("listener", name)]) }
        return family
    }
}
