import Election
import Linux
package import Store

/// `troop resign`: gives up what this host's own agent held when it died: its lease, so that another is elected now and not
/// at the lease's end, and the leader's address. It takes nothing that another process holds.
package struct Resignation: Sendable {
    /// What became of the lease.
    package enum LeaseOutcome: Sendable, Equatable {
        /// The agent held none.
        case none
        /// The agent runs still; it is to be stopped first.
        case alive(pid: Int32)
        /// It stood in Redis and is gone now.
        case released(String)
        /// It had ended already, or is another's.
        case over(String)
        /// Redis could not be asked: the lease ends by itself.
        case unreachable(String, StoreFault)
    }

    /// What became of the address; nil where none is configured, or it was not there.
    package enum AddressOutcome: Sendable, Equatable {
        case removed(String)
        case failed(String)
        /// An agent runs, and keeps it where it belongs.
        case kept
    }

    private let configuration: Configuration

    /// A resignation for the agent of this configuration.
    package init(_ configuration: Configuration) { self.configuration = configuration }

    /// How long Redis is waited for, in milliseconds: longer, and the lease has ended by itself.
    private static let patienceMilliseconds: Int64 = 1000

    /// Gives the lease up, if a process that is gone held it.
    package func lease() -> LeaseOutcome {
        let file: TokenFile
        do throws(SystemFault) {
            file = TokenFile(try StateFolder(path: configuration.state))
        } catch {
            return .none  // nothing was kept there
        }
        switch file.holding {
        case .nothing: return .none
        case .alive(_, let pid): return .alive(pid: pid)
        case .dead(let lease): return release(lease, file)
        }
    }

    private func release(_ lease: Lease, _ file: TokenFile) -> LeaseOutcome {
        var settings = configuration.storeSettings(configuration.masterFinder)
        settings.name = "resign"
        settings.commandTimeoutMilliseconds = Resignation.patienceMilliseconds
        settings.connectTimeoutMilliseconds = Resignation.patienceMilliseconds
        let deadline = Instant.now().advanced(milliseconds: Resignation.patienceMilliseconds)
        do throws(StoreFault) {
            let connection = try StoreConnection.open(settings, until: deadline)
            let arguments = ElectionScripts.releaseArguments(lease, reason: "the agent of \(lease.host) died")
            let reply = try connection.run(
                ElectionScripts.release, keys: ElectionScripts.keys(Keys(cluster: configuration.cluster)),
                arguments: arguments, until: deadline)
            file.remove()
            return reply.integer == 1 ? .released(lease.token) : .over(lease.token)
        } catch {
            return .unreachable(lease.token, error)
        }
    }

    /// Takes the leader's address off this host.
    package func address() -> AddressOutcome? {
        guard let vip = configuration.failover.vip else { return nil }
        // The lease's file cannot tell of an agent that could not write it.
        if Listening.isAnswered(socket: configuration.api.socket) { return .kept }
        do throws(SystemFault) {
            return try AddressKeeper.removeLeftover(vip.address) ? .removed("\(vip.address)") : nil
        } catch {
            return .failed(AddressStation.advice(error))
        }
    }
}
