/// Why a provider did not do what it was asked, by what the caller should do about it.
package enum ProviderFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// Throttled, overloaded, unreachable, an answer that makes no sense: ask again later. `mayHaveHappened` is true
    /// when the request went out and its answer was lost; look at the world before asking again.
    case retryable(String, mayHaveHappened: Bool)
    /// No room for this kind of machine there: the next type or subnet may have some.
    case capacity(String)
    /// The credentials are missing, wrong, expired, or not allowed to do this: a person must mend them.
    case auth(String)
    /// Asking again cannot help.
    case permanent(String)
    /// The machine does not exist (any more).
    case missing(String)
    /// The leader's lease could not be proven at the moment of sending; nothing was sent.
    case notPermitted

    package var description: String {
        switch self {
        case .retryable(let text, _): text
        case .capacity(let text): "no capacity: \(text)"
        case .auth(let text): "not authorised: \(text)"
        case .permanent(let text): text
        case .missing(let text): "no such machine: \(text)"
        case .notPermitted: "the lease could not be proven at the moment of sending; nothing was sent"
        }
    }
}
