import Linux
package import Metrics

/// What a proxy has counted, as metrics. `docs/metrics.md` lists every family.
package enum ProxyMetrics {
    /// Servers that are told one by one, in the order of their addresses; of more, `troop_proxy_servers` tells the number.
    package static let serversMax = 1000

    /// The families of one proxy at one moment.
    package static func families(_ snapshot: ProxySnapshot) -> [MetricFamily] {
        listener(snapshot.listener) + servers(snapshot.servers)
    }

    private static func listener(_ listener: ProxySnapshot.Listener) -> [MetricFamily] {
        ListenerMetrics.families(listener) + connections(listener) + requests(listener) + [
            responses(listener), lost(listener), handshakes(listener.tls), faults(listener),
        ]
    }

    private static func responses(_ listener: ProxySnapshot.Listener) -> MetricFamily {
        var responses = MetricFamily(
            "troop_proxy_responses_total", .counter,
            "Final responses whose sending began, the proxy's own included, by class of status")
        for (name, count) in [
            ("2xx", listener.responses2xx), ("3xx", listener.responses3xx), ("4xx", listener.responses4xx),
            ("5xx", listener.responses5xx),
        ] {
            responses.add(Double(count), [("class", name)])
        }
        return responses
    }

    private static func lost(_ listener: ProxySnapshot.Listener) -> MetricFamily {
        var lost = MetricFamily(
            "troop_proxy_log_lines_dropped_total", .counter,
            "Lines of the access log that were given up: for want of room in memory, or because the file took none"
        )
        lost.add(Double(listener.logDropped), [("reason", "ring_full")])
        lost.add(Double(listener.logLost), [("reason", "write_failed")])
        return lost
    }

    private static func connections(_ listener: ProxySnapshot.Listener) -> [MetricFamily] {
        [
            single(
                "troop_proxy_listening", .gauge, "Whether the proxy takes connections: 1 or 0",
                listener.address == nil ? 0 : 1),
            single(
                "troop_proxy_connections", .gauge, "Connections of clients that are open",
                Double(listener.open)),
            single(
                "troop_proxy_connections_accepted_total", .counter, "Connections taken from clients",
                Double(listener.accepted)),
            single(
                "troop_proxy_connections_turned_away_total", .counter,
                "Connections answered 503, or closed before their handshake, for want of places or of memory",
                Double(listener.turnedAway)),
            single(
                "troop_proxy_connections_over_client_limit_total", .counter,
                "Connections answered 429, or closed before their handshake, because their client had too many",
                Double(listener.overClientLimit)),
            single(
                "troop_proxy_received_bytes_total", .counter, "Bytes read from clients",
                Double(listener.bytesFromClients)),
            single(
                "troop_proxy_sent_bytes_total", .counter, "Bytes written to clients",
                Double(listener.bytesToClients)),
            single(
                "troop_proxy_upgrades_total", .counter, "Connections that left HTTP for another protocol",
                Double(listener.upgrades)),
            single(
                "troop_proxy_upgraded_connections", .gauge,
                "Connections that left HTTP for another protocol and are open", Double(listener.upgraded)),
        ]
    }

    private static func requests(_ listener: ProxySnapshot.Listener) -> [MetricFamily] {
        [
            single(
                "troop_proxy_requests_total", .counter, "Requests with a valid head",
                Double(listener.requests)),
            single(
                "troop_proxy_requests_refused_total", .counter, "Requests refused as malformed or too large",
                Double(listener.rejectedHeads)),
            single(
                "troop_proxy_retries_total", .counter, "Attempts at a server after a request's first",
                Double(listener.retries)),
            single(
                "troop_proxy_responses_cut_total", .counter,
                "Responses that ended before they were whole, for whatever reason", Double(listener.cut)),
            single(
                "troop_proxy_stale_retries_total", .counter,
                "Requests sent again because the server had closed the kept connection",
                Double(listener.staleRetries)),
            single(
                "troop_proxy_retries_denied_total", .counter,
                "Requests not sent again because the budget for that was used up",
                Double(listener.retriesDenied)),
            single(
                "troop_proxy_queued", .gauge, "Requests that wait for a server with room",
                Double(listener.queued)),
            single(
                "troop_proxy_queue_timeouts_total", .counter,
                "Requests answered 503 because they had waited too long", Double(listener.queueTimeouts)),
        ]
    }

    private static func handshakes(_ counts: HandshakeCounts) -> MetricFamily {
        var family = MetricFamily(
            "troop_proxy_tls_handshakes_total", .counter,
            "TLS handshakes with clients, by how they ended; a resumed one is not a full one")
        for (result, count) in counts.byResult { family.add(Double(count), [("result", result)]) }
        return family
    }

    /// One line a reason that has happened; there are at most as many as the parsers know.
    private static func faults(_ listener: ProxySnapshot.Listener) -> MetricFamily {
        var family = MetricFamily(
            "troop_proxy_malformed_messages_total", .counter,
            "Messages refused, by `message` (`request` or `response`) and `reason`")
        for (side, faults) in [("request", listener.requestFaults), ("response", listener.responseFaults)] {
            for (reason, count) in faults.sorted(by: { $0.key < $1.key }) {
                family.add(Double(count), [("message", side), ("reason", reason)])
            }
        }
        return family
    }

    private static func single(
        _ name: String, _ kind: MetricFamily.Kind, _ help: String, _ value: Double
    ) -> MetricFamily {
        var family = MetricFamily(name, kind, help)
        family.add(value)
        return family
    }

    private static func servers(_ servers: [ProxySnapshot.Server]) -> [MetricFamily] {
        let sorted = servers.map { ($0.server.address.description, $0) }.sorted { $0.0 < $1.0 }
            .prefix(serversMax)
        func each(
            _ name: String, _ kind: MetricFamily.Kind, _ help: String,
            _ value: (ProxySnapshot.Server) -> Double?
        ) -> MetricFamily {
            var family = MetricFamily("troop_proxy_server_\(name)", kind, help)
            for (address, server) in sorted {
                if let number = value(server) { family.add(number, [("server", address)]) }
            }
            return family
        }
        var info = MetricFamily(
            "troop_proxy_server_info", .gauge, "Always 1; the host that a server is on")
        var states = MetricFamily(
            "troop_proxy_server_state", .gauge, "1 for the state that the server list says, 0 for the others")
        var durations = MetricFamily(
            "troop_proxy_server_response_seconds", .histogram,
            "Time from the sending of a request to the head of its response")
        for (address, server) in sorted {
            info.add(1, [("server", address), ("host", server.server.host)])
            for state in ServerState.allCases {
                states.add(
                    server.server.state == state ? 1 : 0, [("server", address), ("state", state.rawValue)])
            }
            durations.add(
                bounds: DurationHistogram.boundsInSeconds, counts: server.durations.counts,
                sum: Double(server.durations.nanoseconds) / 1e9, [("server", address)])
        }
        return [
            each(
                "requests_total", .counter,
                "Requests given to the server, repeated ones and failed connects included"
            ) {
                Double($0.requests)
            },
            each(
                "errors_total", .counter,
                "Attempts without a valid response: connects that failed, resets, timeouts, malformed heads"
            ) { Double($0.errors) },
            each("responses_5xx_total", .counter, "Responses of the server with a status of 500 or more") {
                Double($0.responses5xx)
            },
            each("connects_total", .counter, "Connections begun to the server") { Double($0.connects) },
            each("in_flight", .gauge, "Requests that the server is working on") { Double($0.inFlight) },
            each("healthy", .gauge, "Whether the server's health checks pass, or none was made: 1 or 0") {
                $0.rank.isWell ? 1 : 0
            },
            each("ejected", .gauge, "Whether the server is ejected because requests to it failed: 1 or 0") {
                $0.ejectedUntil == nil ? 0 : 1
            },
            each(
                "retries_total", .counter,
                "Of the requests sent to it, those that another server had failed before"
            ) {
                Double($0.retries)
            },
            each(
                "pressure_ratio", .gauge,
                "What the server's host reports of work that waits for a CPU, less for the report's age"
            ) { $0.pressure },
            each(
                "drained", .gauge, "Whether the server gets no new requests and has none any more: 1 or 0"
            ) { $0.isDrained ? 1 : 0 },
            each("weight", .gauge, "The server's share of the requests, against the other weights") {
                Double($0.server.weight)
            },
            info, states, durations,
            single(
                "troop_proxy_servers", .gauge,
                "Servers in the list, those included that are not told one by one",
                Double(servers.count)),
        ]
    }
}
