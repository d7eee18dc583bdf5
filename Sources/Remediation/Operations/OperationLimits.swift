/// How long the steps of operations may take.
package struct OperationLimits: Sendable, Equatable {
    /// Until the provider has taken a launch, in milliseconds.
    package var launchMilliseconds: Int64 = 300_000
    /// Until a launched machine runs and has an address, in milliseconds.
    package var bootMilliseconds: Int64 = 600_000
    /// Until a playbook has ended, in milliseconds.
    package var playbookMilliseconds: Int64 = 900_000
    /// Until a launched host reports and its server passes its checks, in milliseconds.
    package var joinMilliseconds: Int64 = 300_000
    /// Until the requests in flight have ended, in milliseconds.
    package var drainMilliseconds: Int64 = 30_000
    /// How long a draining server must have nothing in flight, in milliseconds.
    package var drainedMilliseconds: Int64 = 1000
    /// Until an agent has taken an order; beyond it the provider is asked, in milliseconds.
    package var orderMilliseconds: Int64 = 15_000
    /// Until an agent has carried an order out, in milliseconds.
    package var claimedMilliseconds: Int64 = 120_000
    /// Until a rebooted host reports with a new boot id, in milliseconds.
    package var proveMilliseconds: Int64 = 600_000
    /// Until a machine has stopped or started, in milliseconds.
    package var powerMilliseconds: Int64 = 600_000
    /// Until a server that was treated passes its checks, in milliseconds.
    package var healthyMilliseconds: Int64 = 300_000
    /// Until what was begun is taken back, in milliseconds.
    package var undoMilliseconds: Int64 = 1_800_000
    /// Until a person has approved an operation, in milliseconds.
    package var approvalMilliseconds: Int64 = 1_800_000
    /// How long a machine that a lost launch may have made is looked for before it is taken not to exist, in milliseconds.
    package var findMilliseconds: Int64 = 60_000
    /// How long a server must have passed its checks throughout, in milliseconds.
    package var settleMilliseconds: Int64 = 6000
    /// The pause before the world is looked at again, in milliseconds.
    package var pollMilliseconds: Int64 = 250
    /// The pause before the provider is looked at again, in milliseconds.
    package var providerPollMilliseconds: Int64 = 5000
    /// The longest pause after a retryable fault, in milliseconds; it doubles from one second.
    package var backoffMilliseconds: Int64 = 30_000
    /// How often a playbook is run.
    package var playbookAttempts = 2
    /// How often one step's playbook may be cut off with its leader before that is taken for the playbook's doing.
    package var playbookCuts = 3

    /// The defaults.
    package init() {}
}
