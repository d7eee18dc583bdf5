import Linux
import Proxy

extension OptionTable {
    /// The options that say which server gets a request.
    static var balancing: [ConfigurationOption] { choosing + failing }

    private static var choosing: [ConfigurationOption] {
        [
            ConfigurationOption(
                "proxy.balance", .oneOf(), into: \.balancing.balance, .text("p2c"),
                "How a server is chosen: in turn, the one with the fewest requests in flight, or of two drawn by "
                    + "weight the one that promises to answer sooner."),
            ConfigurationOption(
                "proxy.stickiness", .oneOf(), into: \.balancing.stickiness, .text("none"),
                "What keeps a client's requests on one server: a cookie, or the client's address."),
            ConfigurationOption(
                "proxy.sticky_cookie", .cookieName, into: \.balancing.cookie, .text("troop"),
                "The name of that cookie."),
            ConfigurationOption(
                "proxy.slow_start", .duration(0...3_600_000), into: \.balancing.slowStartMilliseconds,
                .text("30s"),
                "How long a server that comes up while others serve takes to reach its share; `0s` for at once."
            ),
            ConfigurationOption(
                "proxy.max_in_flight", .whole(0...1_000_000), into: \.balancing.inFlightMax, .text("0"),
                "Requests that one server is given at a time, over all workers; 0 for no limit."),
            ConfigurationOption(
                "proxy.queue_max", .whole(0...1_000_000), into: \.balancing.queueMax, .text("1024"),
                "Requests that wait for a server with room, over all workers, each of which takes its part of them; more are answered 503."
            ),
            ConfigurationOption(
                "proxy.queue_timeout", .duration(10...3_600_000), into: \.balancing.queueMilliseconds,
                .text("10s"), "How long a request waits for a server with room before it is answered 503."),
            ConfigurationOption(
                "proxy.drain_timeout", .duration(0...86_400_000), into: \.balancing.drainMilliseconds,
                .text("1m"),
                "After how long a draining server counts as drained, whatever it still has in flight."),
            ConfigurationOption(
                "proxy.attempts", .whole(RetrySettings.attemptsRange), into: \.balancing.retries.attemptsMax,
                .text("3"), "Servers that one request may be sent to when connects fail."),
            ConfigurationOption(
                "proxy.retry_budget", .whole(0...100), into: \.balancing.retries.budgetPercent, .text("20"),
                "Requests that may be sent to another server, as a percentage of those of the last 10 s."),
            ConfigurationOption(
                "proxy.retry_minimum", .whole(0...1_000), into: \.balancing.retries.budgetMinimum,
                .text("3"), "Requests a second that each worker may send to another server besides."),
        ]
    }

    private static var failing: [ConfigurationOption] {
        [
            ConfigurationOption(
                "proxy.health_status", .statuses, into: \.healthStatus, .text("200-399"),
                "The statuses that pass a health check."),
            ConfigurationOption(
                "proxy.health_body", .text, into: \.healthBody, .none,
                "A text that the answer to a health check must contain, in its first 64 KiB."),
            ConfigurationOption(
                "proxy.panic_below", .whole(0...100), into: \.balancing.panicPercent, .text("50"),
                "When fewer than this percentage of the servers that can be reached are well, all of them serve."
            ),
            ConfigurationOption(
                "proxy.eject_failures", .whole(0...1_000), into: \.balancing.ejection.failures, .text("5"),
                "Failures in a row after which a server is left out for a while; 0 for never."),
            ConfigurationOption(
                "proxy.eject_errors", .whole(0...100), into: \.balancing.ejection.errorPercent, .text("50"),
                "The percentage of failures, of 20 requests or more in 10 s, that has the same effect; 0 for never."
            ),
            ConfigurationOption(
                "proxy.eject_5xx", .truth, into: \.balancing.ejection.counts5xx, .text("false"),
                "Whether answers with a status of 500 or more are failures, too."),
            ConfigurationOption(
                "proxy.eject_time", .duration(100...3_600_000), into: \.balancing.ejection.milliseconds,
                .text("30s"),
                "How long a server is left out the first time; the n-th time takes n times as long."),
            ConfigurationOption(
                "proxy.eject_time_max", .duration(100...86_400_000),
                into: \.balancing.ejection.millisecondsMax, .text("5m"),
                "The longest time that a server is left out."),
            ConfigurationOption(
                "proxy.eject_share", .whole(0...100), into: \.balancing.ejection.sharePercent, .text("50"),
                "The percentage of the active servers that may be left out at a time for failures."),
        ]
    }
}

extension ValueForm where Value == String {
    /// The name of a cookie: a token of RFC 9110, section 5.6.2.
    static let cookieName = ValueForm(name: "name: 1 to 32 of `A-Z a-z 0-9 - _ .`") {
        text throws(ValueFault) in
        guard text.isPlainName(bytesMax: 32) else {
            throw ValueFault(text: "expected 1 to 32 letters, digits, '-', '_' or '.', got '\(shown(text))'")
        }
        return text
    }

    /// A text of one line, spaces allowed.
    static let text = ValueForm(name: "text") { text throws(ValueFault) in
        guard (1...255).contains(text.utf8.count), text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw ValueFault(text: "expected a text of at most 255 bytes on one line, got '\(shown(text))'")
        }
        return text
    }
}

extension ValueForm where Value == Range<Int> {
    /// One status or the first and the last of a run.
    static let statuses = ValueForm(name: "status or run of them, as `200-399`") { text throws(ValueFault) in
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { decimal(String($0)) }
        guard (1...2).contains(parts.count), let first = parts[0], let last = parts[parts.count - 1],
            (200...599).contains(first), (first...599).contains(last)
        else {
            throw ValueFault(
                text: "expected a status or a run of them such as 200-399, got '\(shown(text))'")
        }
        return first..<last + 1
    }
}
