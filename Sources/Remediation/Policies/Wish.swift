/// What a policy would like to be done, and the numbers that it goes by.
package enum Wish: Sendable, Equatable {
    /// Launch so many servers.
    case launch(count: Int, reason: String)
    /// Take a server away for good.
    case retire(host: String, server: String, reason: String)
    /// Heal a host; `server` is what leaves the list meanwhile, nil where there is none.
    case heal(host: String, server: String?, reason: String)

    /// Why.
    package var reason: String {
        switch self {
        case .launch(_, let reason), .retire(_, _, let reason), .heal(_, _, let reason): reason
        }
    }

    /// The host it is about; nil for a launch.
    package var host: String? {
        switch self {
        case .launch: nil
        case .retire(let host, _, _), .heal(let host, _, _): host
        }
    }

    /// The server that leaves the list; nil when none does.
    package var server: String? {
        switch self {
        case .launch: nil
        case .retire(_, let server, _): server
        case .heal(_, let server, _): server
        }
    }

    /// Whether a server that serves would be taken out.
    package var takesServerOut: Bool { server != nil }
}

/// A share as a whole percentage, for people.
package func percent(_ share: Double) -> String {
    guard share.isFinite else { return "-" }
    return "\(Int((share * 100).rounded())) %"
}

/// A time as people say it: `60 s`, `15 min`.
package func span(_ milliseconds: Int64) -> String {
    if milliseconds < 1000 { return "\(milliseconds) ms" }
    return milliseconds < 120_000 ? "\(milliseconds / 1000) s" : "\(milliseconds / 60_000) min"
}
