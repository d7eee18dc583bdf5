/// How far a policy may go by itself.
package enum PolicyMode: String, Sendable, Codable, CaseIterable {
    /// Tells what it would do.
    case observe
    /// Prepares an operation that waits for a person's word.
    case approve
    /// Acts.
    case enforce
}

/// What the gift monkey goes by.
package struct GiftSettings: Sendable, Equatable {
    package var mode = PolicyMode.observe
    /// The fleet is hot while its mean busy share is above this percentage.
    package var abovePercent = 70
    /// A hot fleet is no longer hot below this percentage.
    package var clearPercent = 60
    /// How long the heat must last, in milliseconds.
    package var holdMilliseconds: Int64 = 60_000
    /// Servers that are launched at a time.
    package var step = 1
    /// The most servers there may be.
    package var max = 10
    /// The pause after a launch, from the moment its server is healthy, in milliseconds.
    package var cooldownMilliseconds: Int64 = 180_000
    /// Whether servers that were launched are taken away again when the fleet is idle.
    package var scaleIn = false
    /// The fleet is idle while its mean busy share is below this percentage.
    package var belowPercent = 25
    /// How long it must be idle, in milliseconds.
    package var idleMilliseconds: Int64 = 900_000
    /// The fewest servers that a scale-in leaves.
    package var min = 1

    /// The defaults.
    package init() {}
}

/// What the doctor monkey goes by.
package struct DoctorSettings: Sendable, Equatable {
    /// What must be wrong besides the heat.
    package enum Confirm: String, Sendable, Codable, CaseIterable {
        /// Nothing.
        case cpu
        /// The server fails its health check, too.
        case cpuAndProbe = "cpu_and_probe"
    }

    package var mode = PolicyMode.observe
    /// A host is hot while its busy share is above this percentage.
    package var abovePercent = 90
    /// How long the heat must last, in milliseconds.
    package var holdMilliseconds: Int64 = 60_000
    package var confirm = Confirm.cpu
    /// The remedies, mildest first; each follows when the one before did not help.
    package var ladder: [Remedy] = [.reboot]
    /// How long requests in flight may take before the remedy goes on, in milliseconds.
    package var drainMilliseconds: Int64 = 30_000
    /// How long a reboot may take until the host reports again, in milliseconds.
    package var deadlineMilliseconds: Int64 = 600_000
    /// How long a host is left alone after a remedy, in milliseconds.
    package var cooldownMilliseconds: Int64 = 600_000
    /// Whether a host that neither reports nor answers is healed through the provider.
    package var unreachable = false

    /// The defaults.
    package init() {}
}

/// What keeps both policies from doing harm.
package struct GuardSettings: Sendable, Equatable {
    /// The share of the wanted servers that must stay healthy, in percent.
    package var minHealthyPercent = 51
    /// Remedies that take a server out, at a time.
    package var concurrent = 1
    /// Remedies of the doctor in any hour.
    package var rebootsPerHour = 4
    /// Launches of the gift monkey in any hour.
    package var launchesPerHour = 10
    /// How long a new leader only watches, in milliseconds.
    package var graceMilliseconds: Int64 = 60_000
    /// The share of the hosts that must report in time, in percent.
    package var freshPercent = 51
    /// When servers may be taken out; always when empty.
    package var windows: [MaintenanceWindow] = []

    /// The defaults.
    package init() {}
}

/// Both policies and their guard rails.
package struct RemediationSettings: Sendable, Equatable {
    package var gift = GiftSettings()
    package var doctor = DoctorSettings()
    package var rails = GuardSettings()

    /// The defaults.
    package init() {}
}

/// One rung of the doctor's ladder.
package enum Remedy: String, Sendable, Codable, CaseIterable {
    /// Start the application again.
    case restartApp = "restart-app"
    /// Reboot the host, by its own agent or else by its provider.
    case reboot
    /// Stop the machine and start it again, by its provider.
    case stopStart = "stop-start"
    /// Launch another machine, then terminate this one.
    case replace
}
