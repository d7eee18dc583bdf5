/// Why a call brought no answer that can be used.
package enum StoreFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// No connection, or it broke.
    case unreachable(String)
    /// The deadline passed; the connection is closed and the command may or may not have been carried out.
    case timeout(String)
    /// The peer does not speak RESP2, or answers beyond the limits; the connection is closed.
    case malformed(String)
    /// The Sentinels answer, and know no master of that name.
    case unknownMaster(String)
    /// Redis answered with an error.
    case rejected(ReplyError)
    /// Files or certificates that a person must mend.
    case misconfigured(String)
    /// Not tried: the next attempt waits this long, because of that.
    case backingOff(milliseconds: Int64, String)

    /// What the caller should do about it.
    package var kind: ReplyError.Kind {
        switch self {
        case .unreachable, .timeout, .malformed, .backingOff: .retry
        case .rejected(let error): error.kind
        case .misconfigured, .unknownMaster: .configuration
        }
    }

    /// What a person is told whose change met this fault: whether it may have been carried out.
    package var ofChange: String {
        switch self {
        case .backingOff, .misconfigured, .unknownMaster, .rejected: "nothing was done: \(self)"
        case .unreachable, .timeout, .malformed:
            "it may or may not have been done: \(self); look before you ask again"
        }
    }

    package var description: String {
        switch self {
        case .unreachable(let text): "Redis is unreachable: \(text)"
        case .timeout(let text): "Redis did not answer in time: \(text)"
        case .malformed(let text): "Redis's answer is malformed: \(text)"
        case .unknownMaster(let text):
            "no such master: \(text); redis.sentinel.master must be the name in their 'sentinel monitor'"
        case .rejected(let error): "Redis answered \(error)\(advice(for: error))"
        case .misconfigured(let text): "the connection to Redis is misconfigured: \(text)"
        case .backingOff(let milliseconds, let text): "\(text) (next attempt in \(milliseconds) ms)"
        }
    }

    private func advice(for error: ReplyError) -> String {
        switch error.code {
        case "NOAUTH": "; give a password for Redis in the configuration"
        case "WRONGPASS": "; check the user and the password for Redis"
        case "NOPERM": "; widen the rights of this user (ACL SETUSER)"
        case "DENIED": "; set a password or a bind address on the server"
        case "MISCONF": "; see the server's log: it cannot save its data"
        case "OOM": "; raise the server's maxmemory"
        case "MOVED", "ASK": "; Redis Cluster is not supported, use one server or Sentinel"
        default: ""
        }
    }
}
