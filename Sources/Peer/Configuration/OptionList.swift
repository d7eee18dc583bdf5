import Proxy

extension OptionTable {
    /// Every option of the agent.
    static var troop: OptionTable {
        OptionTable(
            [
                identity, redis, sentinel, interfaces, server, serverRemedies, proxy, balancing, defence,
                encryption,
                observation, leadership, failover, metering, watching, remediation, provider,
            ].flatMap(\.self))
    }

    private static var identity: [ConfigurationOption] {
        [
            ConfigurationOption(
                "cluster", .name, into: \.cluster, .required,
                "The name that all agents of one troop share; it is part of every Redis key."),
            ConfigurationOption(
                "state", .path, into: \.state, .text("/var/lib/troop"),
                "The folder for what must survive a restart."),
            ConfigurationOption(
                "host.name", .name, into: \.hostName, .derived("the host's name"),
                "The name of this host in reports, in the lease and in `troop status`."),
            ConfigurationOption(
                "host.address", .hostAddress, into: \.hostAddress,
                .derived(
                    "the address of the interface with the default route, else of the first that is up, else 127.0.0.1"
                ),
                "The address at which other hosts reach this one; name the private one where the default route is public."
            ),
        ] + hostRemedies + [
            ConfigurationOption(
                "peer.listen", .socketAddress, into: \.peerListen, .derived("`host.address`, port 7118"),
                "Where the leader can be watched: open while this agent leads, so that a standby notices its death at once."
            )
        ]
    }

    private static var redis: [ConfigurationOption] {
        [
            ConfigurationOption(
                "redis.url", .redisURL, into: \.redisURL,
                .derived("**required** unless `redis.sentinel` is given"),
                "The store: `redis://HOST:PORT/DB`, `rediss://…` for TLS, or `unix:///PATH?db=0`."),
            ConfigurationOption(
                "redis.user", .word, into: \.redisUser, .none,
                "The ACL user; it goes over the one in the URL."),
            ConfigurationOption(
                "redis.password", .secret, into: \.redisPassword, .none,
                "The password; it goes over `redis.password_file` and over the one in the URL.",
                isEnvironmentOnly: true),
            ConfigurationOption(
                "redis.password_file", .path, into: \.redisPasswordFile, .none,
                "A file that holds the password alone; one line end after it is left out."),
            ConfigurationOption(
                "redis.tls.ca_file", .path, into: \.tls.caFile, .derived("the system's certificates"),
                "The certificates that may sign the server's."),
            ConfigurationOption(
                "redis.tls.cert_file", .path, into: \.tls.certificateFile, .none,
                "This agent's own certificate, where the server asks for one."),
            ConfigurationOption(
                "redis.tls.key_file", .path, into: \.tls.keyFile, .none,
                "The private key of `redis.tls.cert_file`."),
            ConfigurationOption(
                "redis.tls.server_name", .word, into: \.tls.serverName, .derived("the URL's host"),
                "The name that the server's certificate must carry."),
            ConfigurationOption(
                "redis.tls.verify", .truth, into: \.tls.verify, .text("true"),
                "Whether the server's certificate is checked; `false` accepts every server."),
        ]
    }

    private static var interfaces: [ConfigurationOption] {
        [
            ConfigurationOption(
                "api.listen", .socketAddress, into: \.apiListen, .text("127.0.0.1:7117"),
                "The read-only TCP listener: health, status and metrics."),
            ConfigurationOption(
                "api.socket", .socketPath, into: \.apiSocket, .text("/run/troop/agent.sock"),
                "The unix socket that the command line talks to; its file mode is its permission."),
            ConfigurationOption(
                "api.token_file", .path, into: \.apiTokenFile, .none,
                "A file that holds a token alone; clients of `api.listen` must show it (`Authorization: Bearer`)."
            ),
            ConfigurationOption(
                "api.hosts", .hostNames, into: \.apiHosts, .none,
                "Names under which `api.listen` may be asked, besides addresses, `localhost` and `host.name`.",
                shape: .list),
        ]
    }

    private static var server: [ConfigurationOption] {
        [
            ConfigurationOption(
                "server.listen", .socketAddress, into: \.serverListen, .requiredInSection,
                "The application on this host; it is registered with `host.address` and this port."),
            ConfigurationOption(
                "server.health", .requestPath, into: \.serverHealth, .text("/healthz"),
                "The path that health checks ask for. The leader's value counts, for every server; a leader without `server` asks for `/healthz`."
            ),
            ConfigurationOption(
                "server.weight", .whole(1...256), into: \.serverWeight, .text("100"),
                "This server's share of requests, against the weights of the others."),
        ]
    }

    private static var proxy: [ConfigurationOption] {
        [
            ConfigurationOption(
                "proxy.listen", .socketAddress, into: \.proxyListen, .text("0.0.0.0:8080"),
                "The address that clients connect to."),
            ConfigurationOption(
                "proxy.workers", .whole(1...256), into: \.proxyWorkers, .derived("one per core"),
                "The number of worker threads."),
            ConfigurationOption(
                "proxy.run", .oneOf(), into: \.proxyRun, .text("leader"),
                "Which agents serve clients: the one that leads, or every one, leader or not."),
            ConfigurationOption(
                "proxy.max_connections", .whole(1...1_000_000), into: \.maxConnections, .text("20000"),
                "Connections of clients that are open at once, over all workers, each of which takes its part of them."
            ),
            ConfigurationOption(
                "proxy.handover_drain", .duration(0...86_400_000), into: \.handoverDrain, .text("5m"),
                "How long connections that are open at the old agent may go on after `troop upgrade`."),
            ConfigurationOption(
                "proxy.limits.head", .size(1024...32_768), into: \.limits.headBytes, .text("16KiB"),
                "The largest head of a request or of an answer; a larger request is answered 431."),
            ConfigurationOption(
                "proxy.limits.fields", .whole(10...1000), into: \.limits.fields, .text("100"),
                "The most fields in the head of a request (431) or of an answer."),
            ConfigurationOption(
                "proxy.limits.uri", .size(256...32_768), into: \.limits.uriBytes, .text("8KiB"),
                "The longest request target; a longer one is answered 414."),
            ConfigurationOption(
                "proxy.health_interval", .duration(100...3_600_000), into: \.healthInterval, .text("2s"),
                "The time between two health checks of a server."),
            ConfigurationOption(
                "proxy.health_timeout", .duration(10...60_000), into: \.healthTimeout, .text("1s"),
                "How long a health check may take."),
            ConfigurationOption(
                "proxy.rise", .whole(1...100), into: \.rise, .text("2"),
                "Good checks in a row that return a server."),
            ConfigurationOption(
                "proxy.fall", .whole(1...100), into: \.fall, .text("3"),
                "Failed checks in a row that take a server out."),
            ConfigurationOption(
                "proxy.connect_timeout", .duration(10...60_000), into: \.connectTimeout, .text("1s"),
                "How long a connect to a server may take."),
            ConfigurationOption(
                "proxy.first_byte_timeout", .duration(10...3_600_000), into: \.firstByteTimeout,
                .text("30s"), "How long a server may take to begin its answer."),
            ConfigurationOption(
                "proxy.idle_timeout", .duration(100...3_600_000), into: \.idleTimeout, .text("60s"),
                "How long an idle connection of a client is kept."),
            ConfigurationOption(
                "proxy.head_timeout", .duration(100...3_600_000), into: \.headTimeout, .text("10s"),
                "How long a client may take to send a whole request head."),
            ConfigurationOption(
                "proxy.body_timeout", .duration(100...3_600_000), into: \.bodyTimeout, .text("30s"),
                "How long either side may pause within a body."),
        ]
    }

    private static var observation: [ConfigurationOption] {
        [
            ConfigurationOption(
                "proxy.access_log.path", .path, into: \.accessLogPath, .none,
                "The file of the access log, or `stdout`; without it requests are not logged."),
            ConfigurationOption(
                "proxy.access_log.format", .oneOf(), into: \.accessLogFormat, .text("logfmt"),
                "How a line of the access log is written."),
            ConfigurationOption(
                "proxy.forwarded.trust", .networks, into: \.forwarding.trust, .none,
                "The proxies before this one, whose `X-Forwarded-…`, `Forwarded` and `X-Request-Id` are believed.",
                shape: .list),
            ConfigurationOption(
                "proxy.forwarded.x_forwarded", .truth, into: \.forwarding.xForwarded, .text("true"),
                "Whether servers are sent `X-Forwarded-For`, `-Proto` and `-Host`."),
            ConfigurationOption(
                "proxy.forwarded.forwarded", .truth, into: \.forwarding.forwarded, .text("false"),
                "Whether servers are sent `Forwarded` (RFC 7239)."),
            ConfigurationOption(
                "proxy.request_id", .truth, into: \.forwarding.requestID, .text("true"),
                "Whether each request gets an `X-Request-Id`, for its server, its client and the access log."),
            ConfigurationOption(
                "proxy.start_traces", .truth, into: \.forwarding.startsTraces, .text("false"),
                "Whether a request without a valid `traceparent` gets a new one."),
            ConfigurationOption(
                "proxy.via", .pseudonym, into: \.forwarding.via, .none,
                "What the proxy calls itself in `Via`, to servers and clients; without it no `Via` is written."
            ),
        ]
    }

    private static var encryption: [ConfigurationOption] {
        [
            ConfigurationOption(
                "proxy.upgrades", .protocols, into: \.upgrades.protocols, .text("websocket"),
                "Protocols that requests may upgrade their connections to.", shape: .list),
            ConfigurationOption(
                "proxy.upgrade_idle", .duration(1000...604_800_000), into: \.upgrades.idleMilliseconds,
                .text("1h"), "How long an upgraded connection is kept without a byte either way."),
            ConfigurationOption(
                "proxy.tls.listen", .socketAddress, into: \.clientTLS.listen, .requiredInSection,
                "The address at which clients are spoken to by TLS, beside `proxy.listen`."),
            ConfigurationOption(
                "proxy.tls.certificates", .paths, into: \.clientTLS.certificates, .requiredInSection,
                "PEM files, each a certificate and those of its authorities; the name a client asks for chooses, "
                    + "the first serves all other names.", shape: .list),
            ConfigurationOption(
                "proxy.tls.keys", .paths, into: \.clientTLS.keys, .derived("the files of the certificates"),
                "PEM files of the private keys, one for each certificate, in the same order.", shape: .list),
            ConfigurationOption(
                "proxy.tls.min_version", .oneOf(), into: \.clientTLS.minimum, .text("1.2"),
                "The oldest version of TLS that clients may speak."),
            ConfigurationOption(
                "proxy.tls.redirect", .truth, into: \.clientTLS.redirects, .text("false"),
                "Whether `proxy.listen` only sends clients to the TLS address."),
            ConfigurationOption(
                "proxy.tls.redirect_port", .whole(1...65_535), into: \.clientTLS.redirectPort,
                .derived("the port of `proxy.tls.listen`"),
                "The port that clients find the TLS address at, where a port is forwarded to it."),
            ConfigurationOption(
                "proxy.server_tls.enabled", .truth, into: \.serverTLS.isEnabled, .text("false"),
                "Whether servers are spoken to by TLS."),
            ConfigurationOption(
                "proxy.server_tls.ca_file", .path, into: \.serverTLS.settings.authority,
                .derived("the system's certificates"), "The certificates that may sign the servers'."),
            ConfigurationOption(
                "proxy.server_tls.server_name", .word, into: \.serverTLS.settings.serverName,
                .derived("each server's address"), "The name that the servers' certificates must carry."),
            ConfigurationOption(
                "proxy.server_tls.verify", .truth, into: \.serverTLS.settings.verifies, .text("true"),
                "Whether the servers' certificates are checked; `false` accepts every server."),
            ConfigurationOption(
                "proxy.server_tls.cert_file", .path, into: \.serverTLS.certificate, .none,
                "The proxy's own certificate, where servers ask for one."),
            ConfigurationOption(
                "proxy.server_tls.key_file", .path, into: \.serverTLS.key,
                .derived("`proxy.server_tls.cert_file`"),
                "The private key of `proxy.server_tls.cert_file`."),
        ]
    }

    private static var leadership: [ConfigurationOption] {
        [
            ConfigurationOption(
                "election.ttl", .duration(200...60_000), into: \.ttl, .text("1s"),
                "How long the lease lives without renewal: the longest gap after a leader's death."),
            ConfigurationOption(
                "election.renew", .duration(20...60_000), into: \.renew, .text("250ms"),
                "How often the leader renews the lease."),
            ConfigurationOption(
                "election.command_timeout", .duration(10...60_000), into: \.commandTimeout, .text("200ms"),
                "How long one command of the election may take."),
            ConfigurationOption(
                "election.quarantine", .duration(200...1_200_000), into: \.quarantine,
                .derived("twice `election.ttl`"),
                "How long nobody may lead after the store was found wiped or replaced."),
            ConfigurationOption(
                "election.priority", .whole(0...100), into: \.priority, .text("50"),
                "Of several candidates the one with the higher number asks for the lease a little earlier."),
            ConfigurationOption(
                "election.never_lead", .truth, into: \.neverLeads, .text("false"),
                "This host never leads: it reports and can be watched, but does not stand for election."),
        ]
    }

    private static var watching: [ConfigurationOption] {
        [
            ConfigurationOption(
                "log.level", .oneOf(), into: \.logLevel, .text("info"),
                "The least severe message that is logged.")
        ]
    }
}
