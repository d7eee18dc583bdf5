import Linux
package import Store

/// The elector's connection to the store: carries out asks, each within one command timeout. Owned by one thread.
final class ElectorLink {
    /// How an ask ended.
    enum Outcome {
        case answered(LeaseAnswer, sent: Instant)
        case failed(StoreFailure)
        /// Its time had passed before it could be sent.
        case unsent
    }

    private let settings: ElectionSettings
    private let store: StoreSettings
    private let keys: [String]
    private let hosts: Keys
    private var connection: StoreConnection?

    init(_ settings: ElectionSettings, store: StoreSettings, keys: Keys) {
        self.settings = settings
        var store = store
        store.name = "elector"
        store.needsAgreement = true
        store.connectTimeoutMilliseconds = settings.commandTimeoutMilliseconds
        store.commandTimeoutMilliseconds = settings.commandTimeoutMilliseconds
        self.store = store
        self.keys = ElectionScripts.keys(keys)
        hosts = keys
    }

    /// Connects if necessary, for at most one command timeout and never beyond `limit`; nil when connected.
    func connect(before limit: Instant?) -> StoreFailure? {
        if let connection, connection.isUsable() { return nil }
        connection = nil
        do throws(StoreFault) {
            connection = try StoreConnection.open(store, until: deadline(before: limit))
            return nil
        } catch {
            return StoreFailure(error)
        }
    }

    /// Carries out one ask on the connection, for at most one command timeout and never beyond `limit`.
    func perform(_ ask: LeaseAsk, before limit: Instant?) -> Outcome {
        guard let connection else { return .failed(StoreFailure(.unreachable, "Redis is not connected")) }
        let deadline = deadline(before: limit)
        let (script, arguments) = ElectionScripts.message(for: ask, of: settings)
        // The moment before the first byte leaves: a lease counts from here, however late the answer comes.
        let sent = Instant.now()
        if case .renew(_, let before) = ask, before <= sent { return .unsent }
        do throws(StoreFault) {
            let reply = try connection.run(script, keys: keys, arguments: arguments, until: deadline)
            return .answered(LeaseAnswer(reply, to: ask), sent: sent)
        } catch {
            // A master that is cut off from its replicas may be none any more: whether it is, the Sentinels know.
            if store.sentinel != nil, case .rejected(let reply) = error, reply.kind == .storeLost { close() }
            return .failed(StoreFailure(error))
        }
    }

    /// Where a host's door is, by its own report; nil when it says nothing, or Redis does not answer.
    func door(of host: String) -> SocketAddress? {
        guard let connection, connection.isUsable() else { return nil }
        let command = Command("HGET", hosts.host(host), Elector.doorField)
        guard let reply = try? connection.call(command, until: deadline(before: nil)) else { return nil }
        return reply.text.flatMap { try? SocketAddress($0) }
    }

    func close() {
        connection?.close()
        connection = nil
    }

    private func deadline(before limit: Instant?) -> Instant {
        let own = Instant.now().advanced(milliseconds: settings.commandTimeoutMilliseconds)
        return limit.map { min($0, own) } ?? own
    }
}

extension StoreFailure {
    /// What a fault of the store means for the election: how soon to ask again.
    package init(_ fault: StoreFault) {
        let text = fault.description
        switch fault {
        case .timeout: self.init(.timeout, text)
        case .unreachable, .malformed, .backingOff: self.init(.unreachable, text)
        case .misconfigured, .unknownMaster: self.init(.configuration, text)
        case .rejected(let error):
            switch error.kind {
            case .retry, .storeLost: self.init(.busy, text)
            case .rediscover: self.init(.unreachable, text)
            case .configuration, .scriptMissing, .fenced, .refused: self.init(.configuration, text)
            }
        }
    }
}
