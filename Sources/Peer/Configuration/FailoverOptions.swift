import Linux

/// What follows a change of leader outside this agent, as it was given.
struct FailoverDraft: Sendable {
    var address: VirtualAddress.Prefix?
    var interface: String?
    var drainMilliseconds: Int64 = 0
    var limboMilliseconds: Int64 = 0
    var onPromote: [String]?
    var onDemote: [String]?
    var hookMilliseconds: Int64 = 0
    var allocation: String?
    var allocationMilliseconds: Int64 = 0
    var watchdogDevice: String?
    var watchdogMilliseconds: Int64 = 0
}

extension OptionTable {
    /// The options that say what follows the leadership: an address, commands, a watchdog.
    static var failover: [ConfigurationOption] { address + commands }

    private static var address: [ConfigurationOption] {
        [
            ConfigurationOption(
                "vip.address", .prefix, into: \.failover.address, .requiredInSection,
                "The address that the leader has besides its own, with its network's prefix."),
            ConfigurationOption(
                "vip.interface", .interface, into: \.failover.interface, .requiredInSection,
                "The network interface that gets this address."),
            ConfigurationOption(
                "vip.handover_drain", .duration(0...600_000), into: \.failover.drainMilliseconds, .text("0s"),
                "How long a host that leads no more keeps the address, unless the next leader announces it."),
            ConfigurationOption(
                "limbo.max", .duration(1000...86_400_000), into: \.failover.limboMilliseconds, .text("10m"),
                "How long a leader that cannot prove its lease keeps the `vip` while nobody else announces it."
            ),
            ConfigurationOption(
                "elastic_ip.allocation", .word, into: \.failover.allocation, .requiredInSection,
                "The Elastic IP that the leader has associated with itself, as `eipalloc-…`."),
            ConfigurationOption(
                "elastic_ip.check", .duration(1000...3_600_000), into: \.failover.allocationMilliseconds,
                .text("30s"), "How often the leader looks whether it still has the Elastic IP."),
        ]
    }

    private static var commands: [ConfigurationOption] {
        [
            ConfigurationOption(
                "hooks.on_promote", .arguments, into: \.failover.onPromote, .none,
                "A program with its arguments that is run when this host begins to lead.", shape: .arguments),
            ConfigurationOption(
                "hooks.on_demote", .arguments, into: \.failover.onDemote, .none,
                "A program with its arguments that is run when this host leads no more.", shape: .arguments),
            ConfigurationOption(
                "hooks.timeout", .duration(100...600_000), into: \.failover.hookMilliseconds, .text("30s"),
                "How long a hook may run before its whole process group is ended."),
            ConfigurationOption(
                "watchdog.device", .path, into: \.failover.watchdogDevice, .none,
                "A watchdog device such as `/dev/watchdog`, which resets the machine when the elector is stuck."
            ),
            ConfigurationOption(
                "watchdog.timeout", .duration(2000...600_000), into: \.failover.watchdogMilliseconds,
                .text("10s"),
                "After how long without a sign of the elector the device resets the machine, in whole seconds."
            ),
        ]
    }
}

extension ValueForm where Value == VirtualAddress.Prefix {
    /// An address with the length of its network's prefix.
    static let prefix = ValueForm(name: "address with prefix, as `10.0.0.100/24`") {
        text throws(ValueFault) in
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = try? SocketAddress(host: String(parts[0]), port: 1),
            let bits = decimal(String(parts[1])), (1...address.bytes.count * 8).contains(bits)
        else {
            throw ValueFault(
                text: "expected an address with its prefix such as 10.0.0.100/24 or fd00::100/64, got "
                    + "'\(shown(text))'")
        }
        guard !address.isWildcard, !address.isMulticast, !address.isLoopback, !address.isBroadcast else {
            throw ValueFault(text: "expected an address that a host can have, got '\(shown(text))'")
        }
        return VirtualAddress.Prefix(bytes: address.bytes, bits: bits)
    }
}

extension ValueForm where Value == String {
    /// The name of a network interface (IFNAMSIZ less its terminating zero).
    static let interface = ValueForm(name: "name of a network interface, as `eth0`") {
        text throws(ValueFault) in
        guard (1...15).contains(text.utf8.count),
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") }), text != ".",
            text != ".."
        else {
            throw ValueFault(text: "expected the name of an interface such as eth0, got '\(shown(text))'")
        }
        return text
    }
}
