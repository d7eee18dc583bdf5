package import Store

/// How the replies of the scripts become answers: strict, and never failing on what somebody else wrote.
extension LeaseAnswer {
    /// Characters of a foreign value that are shown.
    private static let shownMax = 48

    /// Reads the reply to `ask`.
    package init(_ reply: Reply, to ask: LeaseAsk) {
        let answer: LeaseAnswer? =
            switch ask {
            case .acquire: LeaseAnswer.taken(reply) ?? LeaseAnswer.refusal(reply)
            case .look: LeaseAnswer.refusal(reply)
            case .renew: LeaseAnswer.kept(reply)
            case .release: reply.integer.map { .released($0 == 1) }
            }
        self = answer ?? .unintelligible(LeaseAnswer.shown(reply))
    }

    private static func taken(_ reply: Reply) -> LeaseAnswer? {
        guard let parts = reply.elements, parts.count == 5, parts[0].integer == 1,
            let lease = parts[1].text.flatMap({ Lease(token: $0) }), let ttl = parts[2].integer, ttl > 0,
            let reason = parts[3].text, let note = parts[4].text
        else { return nil }
        return .acquired(
            lease, ttl: ttl, reason: reason.printable(), note: note.isEmpty ? nil : note.printable())
    }

    private static func refusal(_ reply: Reply) -> LeaseAnswer? {
        guard let parts = reply.elements, parts.count == 4, parts[0].integer == 0, let why = parts[1].text,
            let pttl = parts[3].integer
        else { return nil }
        let left = pttl < 0 ? nil : pttl
        switch why {
        case "held":
            guard let lease = parts[2].text.flatMap({ Lease(token: $0) }) else {
                return .foreign(shown(parts[2]), left: left)
            }
            return .held(lease, left: left)
        case "quarantine": return .quarantined(left: left)
        case "reserved": return .reserved(host: shown(parts[2]), left: left)
        case "absent": return .absent
        default: return nil
        }
    }

    private static func kept(_ reply: Reply) -> LeaseAnswer? {
        guard let parts = reply.elements, parts.count == 2, let flag = parts[0].integer else { return nil }
        switch (flag, parts[1].text) {
        case (1, "renewed"): return .renewed
        case (1, "reinstated"): return .reinstated
        case (0, ""): return .lost(to: nil)
        case (0, let text):
            guard let lease = text.flatMap({ Lease(token: $0) }) else {
                return .lostToForeign(shown(parts[1]))
            }
            return .lost(to: lease)
        default: return nil
        }
    }

    private static func shown(_ reply: Reply) -> String {
        switch reply {
        case .bulk(let bytes):
            String(decoding: bytes.prefix(4 * shownMax), as: UTF8.self).printable(max: shownMax)
        case .status(let text): text.printable(max: shownMax)
        case .integer(let number): "\(number)"
        case .array(let parts): "a list of \(parts.count)"
        case .null: "nothing"
        case .error(let error): error.description
        }
    }
}
