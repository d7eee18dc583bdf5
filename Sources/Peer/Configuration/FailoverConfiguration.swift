package import Store

extension Configuration {
    /// What follows a change of leader outside this agent; nothing unless it is configured.
    package struct Failover: Sendable, Equatable {
        /// The leader's address; nil for none.
        package var vip: VIPSettings?
        package var hooks = LeadershipHooks()
        /// The Elastic IP that the leader has; nil for none.
        package var elasticIP: ElasticIPSettings?
        /// The device that resets the machine when the elector is stuck; nil for none.
        package var watchdog: WatchdogSettings?
    }

    /// Who tells where Redis's master is.
    package struct Sentinel: Sendable, Equatable {
        package var endpoints: [SentinelSettings.Endpoint]
        /// The name under which they watch the master.
        package var master: String
        package var user: String?
        package var password: Secret?
        package var usesTLS: Bool
        package var tls: TLS
    }
}

extension Configuration.Redis {
    /// Where Redis is, for people; never with a password.
    package var place: String {
        guard let sentinel else { return url.description }
        let endpoints = sentinel.endpoints.map(\.description).joined(separator: ", ")
        return "\(sentinel.master) by Sentinel (\(endpoints))"
    }
}

extension Configuration.TLS {
    /// The same for a connection.
    var settings: TLSSettings {
        TLSSettings(
            authorityFile: caFile, certificateFile: certificateFile, keyFile: keyFile, serverName: serverName,
            verifiesServer: verify)
    }
}

extension ConfigurationAssembly {
    /// The Sentinels; nil where the URL says where Redis is.
    mutating func sentinel() -> Configuration.Sentinel? {
        let section = "redis.sentinel"
        guard isGiven(section: section) else { return nil }
        let given = draft.sentinel
        if given.endpoints.isEmpty, places["redis.sentinel.endpoints"] == nil {
            faults.add(
                place(ofSection: section), "redis.sentinel.endpoints",
                "is required and missing; expected Sentinels such as [10.0.0.1:26379, 10.0.0.2:26379]")
        }
        let expected = "expected the name in the Sentinels' 'sentinel monitor' such as mymaster"
        let master = required(given.master, "redis.sentinel.master", expected)
        if let url = draft.redisURL, url.scheme == "unix" {
            faults.add(
                places["redis.url"], "redis.url",
                "a unix socket cannot be told by Sentinels; expected redis:// or rediss:// with redis.sentinel"
            )
        }
        let isTLSGiven = places.keys.contains { $0.hasPrefix("redis.sentinel.tls.") }
        if isTLSGiven, !given.usesTLS, places["redis.sentinel.tls.enabled"] == nil {
            faults.add(
                place(ofSection: "redis.sentinel.tls"), "redis.sentinel.tls",
                "has no effect; expected redis.sentinel.tls.enabled: true with it")
        }
        let key = "redis.sentinel.password_file"
        let password = given.password ?? secret(in: given.passwordFile, key, expected: "a password")
        guard let master else { return nil }
        return Configuration.Sentinel(
            endpoints: given.endpoints, master: master, user: given.user, password: password,
            usesTLS: given.usesTLS, tls: given.tls)
    }

    /// The store's URL: required, unless Sentinels say where it is.
    mutating func redisURL(_ sentinel: Configuration.Sentinel?) -> StoreURL? {
        if draft.redisURL == nil, isGiven(section: "redis.sentinel") {
            return try? StoreURL("\(isGiven(section: "redis.tls") ? "rediss" : "redis")://sentinel/0")
        }
        return required(draft.redisURL, "redis.url", "expected a URL such as redis://127.0.0.1:6379/0")
    }

    /// What follows a change of leader.
    mutating func failover() -> Configuration.Failover {
        let given = draft.failover
        var vip: VIPSettings?
        if isGiven(section: "vip") {
            let address = required(given.address, "vip.address", "expected an address such as 10.0.0.100/24")
            let interface = required(given.interface, "vip.interface", "expected an interface such as eth0")
            if let address, let interface {
                vip = VIPSettings(
                    address: VirtualAddress(prefix: address, interface: interface),
                    drainMilliseconds: given.drainMilliseconds, limboMilliseconds: given.limboMilliseconds)
            }
        }
        var elasticIP: ElasticIPSettings?
        if isGiven(section: "elastic_ip") {
            let expected = "expected an allocation such as eipalloc-0123456789abcdef0"
            if let allocation = required(given.allocation, "elastic_ip.allocation", expected) {
                elasticIP = ElasticIPSettings(
                    allocation: allocation, checkMilliseconds: given.allocationMilliseconds)
            }
        }
        return Configuration.Failover(
            vip: vip,
            hooks: LeadershipHooks(
                onPromote: given.onPromote, onDemote: given.onDemote,
                timeoutMilliseconds: given.hookMilliseconds),
            elasticIP: elasticIP,
            watchdog: given.watchdogDevice.map {
                WatchdogSettings(device: $0, timeoutMilliseconds: given.watchdogMilliseconds)
            })
    }
}
