package import Linux

/// Why election settings are refused; the description says the numbers.
package struct ElectionSettingsFault: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String
}

/// Who stands for election, and how fast; a value of this type has been found coherent.
package struct ElectionSettings: Sendable, Equatable {
    /// The longest lease: the scripts never let one stand longer than this.
    package static let ttlMillisecondsMax: Int64 = 60_000
    /// The shortest renewal: below it a leader would only keep Redis busy.
    package static let renewMillisecondsMin: Int64 = 20
    /// The part of the TTL, one in so many, by which two clocks may drift apart.
    package static let driftDivisor: Int64 = 100

    /// The name of this host.
    package let host: String
    /// Tells this run of the agent from every other.
    package let nonce: String
    /// How long the lease stands without a renewal.
    package let ttlMilliseconds: Int64
    /// The time from one renewal to the next.
    package let renewMilliseconds: Int64
    /// The longest a call to Redis may take, a connect included.
    package let commandTimeoutMilliseconds: Int64
    /// How much before the lease's end the leader stops believing in it.
    package let marginMilliseconds: Int64
    /// How long nobody is elected after the store lost its memory.
    package let quarantineMilliseconds: Int64
    /// How long a handed-over lease is reserved for its target.
    package let handoverMilliseconds: Int64
    /// 0…100: of several candidates the one with more asks a little earlier.
    package let priority: Int

    /// Refuses numbers that do not fit together; `quarantineMilliseconds` is twice the TTL unless given.
    package init(
        host: String, nonce: String, ttlMilliseconds: Int64 = 1000, renewMilliseconds: Int64 = 250,
        commandTimeoutMilliseconds: Int64 = 200, marginMilliseconds: Int64 = 50,
        quarantineMilliseconds: Int64? = nil, handoverMilliseconds: Int64 = 500, priority: Int = 50
    ) throws(ElectionSettingsFault) {
        self.host = host
        self.nonce = nonce
        self.ttlMilliseconds = ttlMilliseconds
        self.renewMilliseconds = renewMilliseconds
        self.commandTimeoutMilliseconds = commandTimeoutMilliseconds
        self.marginMilliseconds = marginMilliseconds
        self.quarantineMilliseconds =
            quarantineMilliseconds ?? 2 * min(max(ttlMilliseconds, 0), Self.ttlMillisecondsMax)
        self.handoverMilliseconds = handoverMilliseconds
        self.priority = priority
        if let fault { throw ElectionSettingsFault(description: fault) }
    }

    /// When a lease that was asked for, or renewed, by a message sent at `sent` must no longer be believed in.
    package func deadline(sent: Instant, leaseMilliseconds: Int64) -> Instant {
        let drift = leaseMilliseconds / Self.driftDivisor + 1
        return sent.advanced(milliseconds: leaseMilliseconds - drift - marginMilliseconds)
    }

    /// What every token of this run of the agent begins with.
    package var tokenPrefix: String { "\(host):\(nonce):" }

    private var fault: String? {
        let ttl = ttlMilliseconds
        if !Lease.isHost(host) { return "a host name is 1 to 63 letters, digits, '.', '-' or '_'" }
        if !Lease.isNonce(nonce) { return "a nonce is 1 to 64 letters or digits" }
        if !(1...Self.ttlMillisecondsMax).contains(ttl) {
            return "ttl \(ttl) ms is outside 1…\(Self.ttlMillisecondsMax) ms"
        }
        if !(Self.renewMillisecondsMin...ttl).contains(renewMilliseconds) {
            return "renew \(renewMilliseconds) ms is outside \(Self.renewMillisecondsMin)…\(ttl) ms (the ttl)"
        }
        if !(1...ttl).contains(commandTimeoutMilliseconds) {
            return "command timeout \(commandTimeoutMilliseconds) ms is outside 1…\(ttl) ms (the ttl)"
        }
        if !(0...ttl).contains(marginMilliseconds) {
            return "margin \(marginMilliseconds) ms is outside 0…\(ttl) ms (the ttl)"
        }
        let needed = renewMilliseconds + 2 * commandTimeoutMilliseconds + marginMilliseconds
        let usable = ttl - ttl / Self.driftDivisor - 1
        if needed >= usable {
            return "renew \(renewMilliseconds) ms + 2 × command timeout \(commandTimeoutMilliseconds) ms"
                + " + margin \(marginMilliseconds) ms = \(needed) ms must be less than ttl \(ttl) ms"
                + " less its clock drift, \(usable) ms"
        }
        // A leader that was elected just before a loss believes in its lease for up to one TTL.
        let quarantineMin = ttl + ttl / Self.driftDivisor + 1
        if !(quarantineMin...20 * Self.ttlMillisecondsMax).contains(quarantineMilliseconds) {
            return "quarantine \(quarantineMilliseconds) ms is outside \(quarantineMin)"
                + "…\(20 * Self.ttlMillisecondsMax) ms (ttl and clock drift at least)"
        }
        if !(1...Self.ttlMillisecondsMax).contains(handoverMilliseconds) {
            return "handover \(handoverMilliseconds) ms is outside 1…\(Self.ttlMillisecondsMax) ms"
        }
        return (0...100).contains(priority) ? nil : "priority \(priority) is outside 0…100"
    }
}
