import Proxy

extension OptionTable {
    /// The options that say what one client or one exchange may take.
    static var defence: [ConfigurationOption] {
        [
            ConfigurationOption(
                "proxy.max_connections_per_client", .whole(0...1_000_000),
                into: \.defence.connectionsPerClient, .text("0"),
                "Connections that one client address (an IPv6 /64) may have open, over all workers; more are "
                    + "answered 429. 0 for no limit; `proxy.forwarded.trust` is exempt."),
            ConfigurationOption(
                "proxy.total_timeout", .duration(0...86_400_000), into: \.defence.totalMilliseconds,
                .text("0s"),
                "How long an exchange may take from the request's first byte to the response's last, to the "
                    + "second; `0s` for no limit. Upgraded connections are exempt."),
        ]
    }
}
