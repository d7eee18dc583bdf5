/// The world as far as one operation is concerned, at one moment.
package struct Facts: Sendable, Equatable {
    /// What the agent on a host says of itself.
    package struct Host: Sendable, Equatable {
        /// Whether its reports come in time.
        package var isFresh: Bool
        package var bootID: String
        package var address: String
        /// Its application's `address:port`; nil when it runs none.
        package var server: String?
        /// How long ago it reported last, in milliseconds.
        package var ageMilliseconds: Int64

        /// A host from its parts.
        package init(
            isFresh: Bool, bootID: String, address: String, server: String?, ageMilliseconds: Int64 = 0
        ) {
            self.ageMilliseconds = ageMilliseconds
            self.isFresh = isFresh
            self.bootID = bootID
            self.address = address
            self.server = server
        }
    }

    /// The server that the operation is about.
    package struct Server: Sendable, Equatable {
        package var state: FleetView.Server.State
        /// Whether the leader's checks pass; nil while nobody knows.
        package var isHealthy: Bool?
        /// Requests in flight at this leader's proxy; nil when unknown.
        package var inFlight: Int64?

        /// A server from its parts.
        package init(state: FleetView.Server.State, isHealthy: Bool?, inFlight: Int64?) {
            self.state = state
            self.isHealthy = isHealthy
            self.inFlight = inFlight
        }
    }

    /// What became of an order to the host's agent.
    package enum Order: Sendable, Equatable {
        case none
        /// Issued, and not taken yet.
        case waiting
        /// The agent took it.
        case claimed
        case done
        case failed(String)
        /// Taken back before the agent took it; it cannot be taken any more.
        case withdrawn
    }

    /// The target host; nil when it is not known.
    package var host: Host?
    /// The host that was launched; nil until it reports.
    package var newcomer: Host?
    /// The target's server; nil when it is not on the list.
    package var server: Server?
    /// The launched host's server.
    package var newcomerServer: (address: String, server: Server)?
    package var order = Order.none
    /// Why the server may not be taken out just now; nil when it may.
    package var objection: String?
    /// Why nothing further may be done to the target, by a person's word; nil when it may.
    package var hold: String?
    /// Why no further machine may be launched in place of another; nil when one may.
    package var launchObjection: String?
    /// Whether a provider is configured.
    package var hasProvider = false
    /// Whether steps are configured for new machines, and for machines that were rebooted.
    package var canProvision = false
    package var canProduce = false
    /// The wall clock in milliseconds since 1970, for the lines of the operation.
    package var wallMs: Int64 = 0

    /// Facts of a world of which nothing is known.
    package init() {}

    package static func == (left: Facts, right: Facts) -> Bool {
        left.host == right.host && left.newcomer == right.newcomer && left.server == right.server
            && left.newcomerServer?.address == right.newcomerServer?.address
            && left.newcomerServer?.server == right.newcomerServer?.server && left.order == right.order
            && left.objection == right.objection && left.hold == right.hold
    }
}

/// A change in Redis that is made in the same step as the operation is written.
package enum Effect: Sendable, Equatable {
    case none
    /// The server gets no new requests; refused unless it is active.
    case drain
    /// The server gets requests again, if this operation drained it.
    case restore
    /// The server stays off, with a reason for people, if this operation drained it.
    case putOut(String)
    /// This entry is removed from the server list.
    case remove(server: String)
    /// The host's agent is asked to do something.
    case order(Order)
    /// An order that was not taken yet is taken back.
    case withdraw(Order)

    /// What an agent can be asked to do.
    package enum Order: String, Sendable, Codable {
        case reboot
        /// Start the application, or start it again.
        case restart
    }
}

/// Something done to the world outside Redis.
package enum Act: Sendable, Equatable {
    case launch(attempt: Int)
    /// Looks for the machine that this operation launched.
    case find
    /// Looks at the machine of this name, or else at the one with the target's address.
    case look(machine: String)
    case reboot(machine: String)
    case stop(machine: String)
    case start(machine: String)
    case terminate(machine: String)
    case provision
    /// The playbook of machines that serve, on the launched machine or on the target.
    case production

    /// Whether it runs a step of people's own, which may take long and may be ended at any time.
    package var isPlaybook: Bool {
        switch self {
        case .provision, .production: true
        case .launch, .find, .look, .reboot, .stop, .start, .terminate: false
        }
    }
}

/// What became of an act.
package enum Outcome: Sendable, Equatable {
    case done
    case machine(Machine)
    /// There is no such machine.
    case nothing
    case fault(ProviderFault)
    case playbook(PlaybookFault)
}

/// What is to be done for an operation now.
package enum Move: Sendable, Equatable {
    /// Write the operation down together with the effect; then `wrote` or `refused`.
    case write(Effect)
    /// Act; then `took`.
    case act(Act)
    /// Nothing until then; look at the world again.
    case wait(milliseconds: Int64)
    /// The operation has ended, and that is written.
    case over
}
