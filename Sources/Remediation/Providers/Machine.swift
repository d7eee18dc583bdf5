/// A machine as its provider tells of it.
package struct Machine: Sendable, Equatable, Codable {
    /// The provider's own word on a machine, in EC2's terms; other providers map theirs to these.
    package enum State: String, Sendable, Codable {
        case pending, running, stopping, stopped, terminated
        case shuttingDown = "shutting-down"
        /// The provider said something that is none of these.
        case unknown

        /// True while the machine counts against `gift.max`: it exists, or is about to.
        package var isAlive: Bool {
            switch self {
            case .pending, .running, .stopping, .stopped, .unknown: true
            case .terminated, .shuttingDown: false
            }
        }
    }

    /// The provider's name of it, such as `i-0123456789abcdef0`.
    package var id: String
    package var state: State
    /// Numeric addresses without a port; nil while there is none.
    package var privateAddress: String?
    package var publicAddress: String?
    /// The operation that launched it (EC2's tag `troop:operation`); nil for machines that a person made.
    package var operation: String?
    /// When it was launched, in milliseconds since 1970; nil when the provider does not tell.
    package var launchedAt: Int64?

    /// A machine from its parts.
    package init(
        id: String, state: State, privateAddress: String? = nil, publicAddress: String? = nil,
        operation: String? = nil, launchedAt: Int64? = nil
    ) {
        self.id = id
        self.state = state
        self.privateAddress = privateAddress
        self.publicAddress = publicAddress
        self.operation = operation
        self.launchedAt = launchedAt
    }
}
