import Glibc
import Logging
package import Proxy

/// How many files the agent may have open, and how many its proxy may need.
package enum DescriptorLimit {
    /// Beyond the proxy's connections: Redis, the API's two doors, health checks, logs, listeners.
    private static let others = 4096

    /// What a proxy with these settings uses at most: each client's connection may have one to a server.
    package static func needed(for settings: ProxySettings) -> Int {
        settings.workers * settings.connectionsPerWorker * 2 + others
    }

    /// Raises the soft limit to so many files, or to the hard one.
    package static func raise(to wanted: Int) {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < rlim_t(wanted) else { return }
        limit.rlim_cur = min(limit.rlim_max, rlim_t(wanted))
        setrlimit(resource, &limit)
    }

    /// Raises the soft limit to the hard one where it is below what the proxy may need, and warns where that does
    /// not do.
    static func provide(for settings: ProxySettings, log: Logger) {
        let needed = rlim_t(needed(for: settings))
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < needed else { return }
        limit.rlim_cur = limit.rlim_max
        // The hard limit is always allowed; should it not be, the warning tells the limit that holds.
        if setrlimit(resource, &limit) != 0 { getrlimit(resource, &limit) }
        guard limit.rlim_cur < needed else { return }
        log.warning(
            "the limit of open files is below what the proxy may need; set LimitNOFILE= in the unit, or lower proxy.max_connections",
            metadata: ["limit": "\(limit.rlim_cur)", "needed": "\(needed)"])
    }
}
