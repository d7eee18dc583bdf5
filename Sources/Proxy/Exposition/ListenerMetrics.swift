import Metrics

/// What came by each listener, as metrics: by the names of the totals, with `listener` in them.
enum ListenerMetrics {
    /// The listeners by the scheme of their clients' URLs.
    private static func each(_ listener: ProxySnapshot.Listener) -> [(name: String, counts: ListenerCounts)] {
        [("http", listener.plain), ("https", listener.secure)]
    }

    /// The families of one proxy's listeners at one moment.
    static func families(_ listener: ProxySnapshot.Listener) -> [MetricFamily] {
        connections(listener) + traffic(listener) + [
            responses(listener), refusals(listener), handshakes(listener.secure),
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

    private static func connections(_ listener: ProxySnapshot.Listener) -> [MetricFamily] {
        [
            family("connections", .gauge, "Connections of clients that are open, by listener", listener) {
                Double($0.open)
            },
            family(
                "connections_accepted_total", .counter, "Connections taken from clients, by listener",
                listener
            ) { Double($0.accepted) },
            family(
                "connections_turned_away_total", .counter,
                "Connections answered 503, or closed before their handshake, for want of places or of memory, by listener",
                listener
            ) { Double($0.turnedAway) },
            family(
                "connections_over_client_limit_total", .counter,
                "Connections answered 429, or closed before their handshake, because their client had too many, by listener",
                listener
            ) { Double($0.overClientLimit) },
        ]
    }

    private static func traffic(_ listener: ProxySnapshot.Listener) -> [MetricFamily] {
        [
            family("requests_total", .counter, "Requests with a valid head, by listener", listener) {
                Double($0.requests)
            },
            family("received_bytes_total", .counter, "Bytes read from clients, by listener", listener) {
                Double($0.bytesFromClients)
            },
            family("sent_bytes_total", .counter, "Bytes written to clients, by listener", listener) {
                Double($0.bytesToClients)
            },
        ]
    }

    private static func responses(_ listener: ProxySnapshot.Listener) -> MetricFamily {
        var family = MetricFamily(
            "troop_proxy_listener_responses_total", .counter,
            "Final responses whose sending began, the proxy's own included, by listener and class of status")
        for (name, counts) in each(listener) {
            for (status, count) in counts.byClass {
                family.add(Double(count), [("listener", name), ("class", status)])
            }
        }
        return family
    }

    /// One line a reason that has happened; there are at most as many as the parser knows.
    private static func refusals(_ listener: ProxySnapshot.Listener) -> MetricFamily {
        var family = MetricFamily(
            "troop_proxy_listener_requests_refused_total", .counter,
            "Requests refused as malformed or too large, by listener and reason")
        for (name, counts) in each(listener) {
            for (reason, count) in counts.requestFaults.sorted(by: { $0.key < $1.key }) {
                family.add(Double(count), [("listener", name), ("reason", reason)])
            }
        }
        return family
    }

    /// Of the listener for TLS alone: where none is spoken there is nothing to count.
    private static func handshakes(_ secure: ListenerCounts) -> MetricFamily {
        var family = MetricFamily(
            "troop_proxy_listener_tls_handshakes_total", .counter,
            "TLS handshakes with clients, by listener and by how they ended; a resumed one is not a full one")
        for (result, count) in secure.tls.byResult {
            family.add(Double(count), [("listener", "https"), ("result", result)])
        }
        return family
    }
}
