import Linux
import Logging
import Proxy
import Remediation
import Store

/// What all parts of an agent stand on, and how each of them is made from it.
struct AgentGround {
    let configuration: Configuration
    let log: Logger
    let folder: StateFolder
    let keys: Keys
    /// Who finds the master; nil without Sentinels.
    let finder: MasterFinder?
    let settings: StoreSettings
    let store: Store
    let storeStates: AsyncStream<StoreState>
    let storeStatesEnd: AsyncStream<StoreState>.Continuation
    let notifier: Notifier?
    let events: EventLog
    let machines: ProviderParts

    /// Throws what is wrong with the state's folder, the proxy's addresses or the store's settings.
    init(_ configuration: Configuration, log: Logger) throws {
        self.configuration = configuration
        self.log = log
        folder = try AgentGround.folder(configuration)
        try AgentGround.probe(configuration.proxy.listen, "proxy.listen")
        if let tls = configuration.proxy.tls { try AgentGround.probe(tls.listen, "proxy.tls.listen") }
        keys = Keys(cluster: configuration.cluster)
        finder = configuration.masterFinder
        settings = configuration.storeSettings(finder)
        (storeStates, storeStatesEnd) = AsyncStream<StoreState>.makeStream()
        store = try Store(settings, name: "store") { [storeStatesEnd] state in storeStatesEnd.yield(state) }
        notifier = configuration.notifier(log: log)
        events = EventLog(store: store, keys: keys, host: configuration.host.name, log: log) { [notifier] in
            guard configuration.notify.includes($0.severity) else { return }
            notifier?.tell(Notice($0, cluster: configuration.cluster))
        }
        machines = ProviderParts(configuration)
        if let fault = machines.fault { log.error("\(fault)") }
    }

    private static func folder(_ configuration: Configuration) throws(AgentFault) -> StateFolder {
        do {
            return try StateFolder(path: configuration.state)
        } catch {
            throw AgentFault(
                "state: \(error); create it and give it to the agent's user, or set 'state:' to a folder that is writable"
            )
        }
    }

    /// Tries the proxy's address at the start: a standby should not learn at its promotion that it is taken.
    private static func probe(_ address: SocketAddress, _ key: String) throws(AgentFault) {
        do {
            try Listening.check(address)
        } catch {
            throw AgentFault("\(key) \(address): \(error.reason); free the port or choose another")
        }
    }
}
