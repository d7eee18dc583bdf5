import Election
import Glibc
import Linux
import Logging
import Remediation

extension Incumbency {
    /// Puts the parts together that follow the leadership.
    ///
    /// `mover` moves addresses at the provider; nil where the provider cannot.
    static func make(
        _ configuration: Configuration, folder: StateFolder, watchdog: Watchdog, elector: Elector,
        events: EventLog,
        isInherited: Bool, mover: (any AddressMover)?, log: Logger
    ) throws(SystemFault) -> Incumbency {
        let failover = configuration.failover
        var keeper: AddressKeeper?
        if let vip = failover.vip {
            keeper = try AddressKeeper(
                vip, isInherited: isInherited, mayLead: { [elector] in elector.isLeader(at: .now()) },
                onTell: { [events] message in AddressKeeper.tell(message, vip.address, events) })
        }
        let permit: Permit = { [elector] in elector.isLeader(at: .now()) }
        var elasticIP: ElasticAddress?
        if let settings = failover.elasticIP {
            if let mover {
                elasticIP = ElasticAddress(settings, mover: mover, events: events, permit: permit)
            } else {
                log.warning(
                    "elastic_ip has no effect: only the provider ec2 moves addresses; set remediation.provider.kind"
                )
            }
        }
        let hooks = try HookRunner(failover.hooks, cluster: configuration.cluster, events: events)
        return Incumbency(
            host: configuration.host.name,
            parts: Parts(
                token: TokenFile(folder), keeper: keeper, hooks: hooks, elasticIP: elasticIP,
                watchdog: watchdog),
            events: events, log: log, standBack: { [elector] in elector.yield($0) })
    }

    /// The watchdogs that the unit and the configuration ask for.
    static func watchdog(_ configuration: Configuration) -> Watchdog {
        Watchdog(
            configuration.failover.watchdog,
            environment: { name in getenv(name).map { String(cString: $0) } },
            notify: { ServiceManager.notify($0) })
    }
}
