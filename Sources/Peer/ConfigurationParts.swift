import Election
import HTTP
import Linux
import Metrics
import Proxy
import Remediation
import Store

/// The configuration as the settings that each part wants.
extension Configuration {
    /// The address at which Redis is, as it would stand in the server list; empty where only a name is known.
    func storeHosts(_ finder: MasterFinder?) -> Set<String> {
        var host = finder?.place?.host
        if finder == nil, case .tcp(let configured, _) = redis.url.endpoint { host = configured }
        return host.map { $0.contains(":") ? ["[\($0)]"] : [$0] } ?? []
    }

    /// Redis, for every client of this agent.
    func storeSettings(_ finder: MasterFinder?) -> StoreSettings {
        var url = redis.url
        if let user = redis.user { url.user = user }
        return StoreSettings(
            url: url, password: redis.password?.revealed, tls: redis.tls.settings, name: host.name,
            sentinel: finder)
    }

    /// Who tells where the master is; to be made once for an agent, since its connections share what it found.
    var masterFinder: MasterFinder? {
        redis.sentinel.map { sentinel in
            MasterFinder(
                SentinelSettings(
                    endpoints: sentinel.endpoints, master: sentinel.master, user: sentinel.user,
                    secret: sentinel.password, usesTLS: sentinel.usesTLS, tls: sentinel.tls.settings))
        }
    }

    /// The lease; each run of an agent has a nonce of its own.
    var electionSettings: ElectionSettings {
        get throws(ElectionSettingsFault) {
            let nonce = String(UInt64.random(in: .min ... .max), radix: 36)
            return try ElectionSettings(
                host: host.name, nonce: nonce, ttlMilliseconds: election.ttlMilliseconds,
                renewMilliseconds: election.renewMilliseconds,
                commandTimeoutMilliseconds: election.commandTimeoutMilliseconds,
                marginMilliseconds: Configuration.Election.marginMilliseconds,
                quarantineMilliseconds: election.quarantineMilliseconds, priority: election.priority)
        }
    }

    /// Where others reach `peer.listen`: a door on all addresses is reached at the host's own.
    var doorAddress: SocketAddress? {
        let listen = peer.listen
        let isEverywhere = listen != listen.asClient
        return isEverywhere ? try? SocketAddress(host: host.address, port: listen.port) : listen
    }

    /// Where other hosts reach `api.listen`; nil for one on loopback, unless the whole host is there.
    var apiAddress: SocketAddress? {
        let listen = api.listen
        if listen.isWildcard { return try? SocketAddress(host: host.address, port: listen.port) }
        let isAtHome = (try? SocketAddress(host: host.address, port: listen.port))?.isLoopback ?? false
        return listen.isLoopback && !isAtHome ? nil : listen
    }

    /// The proxy.
    var proxySettings: ProxySettings {
        var settings = ProxySettings(listen: proxy.listen, workers: proxy.workers)
        settings.connectionsPerWorker = max(1, proxy.maxConnections / proxy.workers)
        settings.head = HeadLimits(
            headBytes: Int(proxy.limits.headBytes), targetBytes: Int(proxy.limits.uriBytes),
            fields: proxy.limits.fields)
        settings.clientHeadMilliseconds = proxy.headTimeoutMilliseconds
        settings.clientIdleMilliseconds = proxy.idleTimeoutMilliseconds
        settings.connectMilliseconds = proxy.connectTimeoutMilliseconds
        settings.firstByteMilliseconds = proxy.firstByteTimeoutMilliseconds
        settings.requestBodyMilliseconds = proxy.bodyTimeoutMilliseconds
        settings.responseBodyMilliseconds = proxy.bodyTimeoutMilliseconds
        settings.balancing = proxy.balancing
        settings.balancing.queueMax = (proxy.balancing.queueMax + proxy.workers - 1) / proxy.workers
        settings.defence = proxy.defence
        settings.accessLog = proxy.accessLog
        settings.forwarding = proxy.forwarding
        settings.tls = proxy.tls
        settings.serverTLS = proxy.serverTLS
        settings.upgrades = proxy.upgrades
        return settings
    }

    /// The leader's checks of every server.
    var healthSettings: HealthSettings {
        var settings = HealthSettings()
        settings.path = server?.health ?? Configuration.healthPath
        settings.intervalMilliseconds = proxy.healthIntervalMilliseconds
        settings.timeoutMilliseconds = proxy.healthTimeoutMilliseconds
        settings.rise = proxy.rise
        settings.fall = proxy.fall
        settings.status = proxy.healthStatus
        settings.bodyMatch = proxy.healthBody
        settings.tls = proxy.serverTLS
        return settings
    }

    /// This host's checks of its own application: quicker, since they only decide on its registration.
    var ownHealthSettings: HealthSettings {
        var settings = healthSettings
        settings.intervalMilliseconds = Configuration.ownIntervalMilliseconds
        // The application's certificate bears the name that others know it by, not this address.
        settings.tls?.verifies = false
        settings.rise = 1
        settings.fall = 2
        return settings
    }

    /// This host's application as others reach it: the host's address with the application's port.
    var ownServer: Roster.OwnServer? {
        guard let server, let address = try? SocketAddress(host: host.address, port: server.listen.port)
        else {
            return nil
        }
        return Roster.OwnServer(address: address, weight: server.weight)
    }

    /// What the sampler measures.
    var scope: Scope {
        switch metrics.scope {
        case .host: .host
        case .cgroup(let path): .cgroup(path: path)
        case .process(let pidFile): .process(pidFile: pidFile)
        }
    }

    /// What tells one boot of this host from the next.
    var bootMark: BootMark {
        if let file = host.bootIDFile { return .file(file) }
        return switch metrics.scope {
        case .host, .cgroup: .kernel
        case .process(let pidFile): .process(pidFile: pidFile)
        }
    }

    /// How long the steps of operations may take here.
    var operationLimits: OperationLimits {
        var limits = OperationLimits()
        limits.drainMilliseconds = remediation.doctor.drainMilliseconds
        limits.proveMilliseconds = remediation.doctor.deadlineMilliseconds
        // A server that was ill has failed its checks by then, if it still is.
        limits.settleMilliseconds =
            proxy.healthIntervalMilliseconds * Int64(proxy.fall) + proxy.healthTimeoutMilliseconds
        return limits
    }

    /// What servers are asked for by a leader that has no application of its own to tell.
    static let healthPath = "/healthz"
    private static let ownIntervalMilliseconds: Int64 = 1000
}
