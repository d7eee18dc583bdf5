package import Linux

/// What an agent asks of the store about the lease; each is one script.
package enum LeaseAsk: Sendable, Equatable {
    /// Take the lease if it is free: `seen` is the highest epoch known, `dead` a token whose holder is proven not to
    /// lead any more, `leaderless` the milliseconds since the last lease ended.
    case acquire(seen: Int64, reason: String, dead: String?, leaderless: Int64?)
    /// Keep the lease; not to be sent at `before` or later.
    case renew(Lease, before: Instant)
    /// Give a lease up.
    case release(ReleaseOrder)
    /// Only look who holds it.
    case look
}

/// A lease to give up, for whom and why.
package struct ReleaseOrder: Sendable, Equatable {
    /// What to give up.
    package enum Subject: Sendable, Equatable {
        /// Exactly this lease.
        case lease(Lease)
        /// Whatever lease this run of the agent may hold: an answer was lost, and it will never ask again.
        case anyOfMine
    }

    package var subject: Subject
    /// The host it is reserved for a moment; nil: anyone may take it.
    package var target: String?
    /// Written to the history; the next leader's entry repeats it.
    package var reason: String

    /// An order to release.
    package init(_ subject: Subject, target: String?, reason: String) {
        self.subject = subject
        self.target = target
        self.reason = reason
    }
}

/// What the store answered. `left` is the rest of a TTL in milliseconds, nil when the key has none.
package enum LeaseAnswer: Sendable, Equatable {
    /// The lease is ours from the moment the ask was sent, for `ttl` milliseconds; `note` tells what else went wrong.
    case acquired(Lease, ttl: Int64, reason: String, note: String?)
    /// A lease stands: another's, or an own one whose answer was lost.
    case held(Lease, left: Int64?)
    /// The key holds something that is no token.
    case foreign(String, left: Int64?)
    /// The store lost its memory a short while ago: nobody is elected yet.
    case quarantined(left: Int64?)
    /// Free, but for a moment only for this host.
    case reserved(host: String, left: Int64?)
    /// Nobody holds it (the answer to a look only).
    case absent
    case renewed
    /// Renewed although the store had lost the lease.
    case reinstated
    /// Not renewed: gone, or another's.
    case lost(to: Lease?)
    /// Not renewed: the key holds something that is no token.
    case lostToForeign(String)
    /// Given up; false: it was not ours any more.
    case released(Bool)
    /// Not an answer of our scripts.
    case unintelligible(String)
}

/// Why an ask got no answer.
package struct StoreFailure: Error, Sendable, Equatable {
    /// What kind of failure it is: it decides how soon to ask again.
    package enum Kind: Sendable, Equatable {
        /// No answer in time: the ask may have had its effect, or may have it later.
        case timeout
        /// No connection, or a broken one.
        case unreachable
        /// The store is there and cannot serve just now (loading, busy, without enough replicas, …).
        case busy
        /// The store is there and will not serve until a person mends something (password, rights, a key's type).
        case configuration
    }

    package var kind: Kind
    /// One clear line for people.
    package var text: String

    /// A failure.
    package init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }
}
