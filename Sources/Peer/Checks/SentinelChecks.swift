import Store

/// Judges what the Sentinels said when each of them was asked.
enum SentinelChecks {
    static func findings(_ roll: [SentinelWord], master: String) -> [Finding] {
        let subject = "sentinel"
        var findings: [Finding] = []
        var places: Set<SentinelSettings.Endpoint> = []
        var answering = 0
        for word in roll {
            switch word.answer {
            case .master(let place):
                places.insert(place)
                answering += 1
            case .unknown:
                findings.append(
                    Finding(
                        subject, .failed,
                        "\(word.endpoint) watches no master '\(master)'; redis.sentinel.master must be the name in its 'sentinel monitor'"
                    ))
            case .failed(let why):
                findings.append(
                    Finding(
                        subject, .warning,
                        "\(word.endpoint): \(why); start it, or take it out of redis.sentinel.endpoints"))
            }
        }
        if places.count > 1 {
            let list = places.map(\.description).sorted().joined(separator: ", ")
            findings.append(
                Finding(
                    subject, .failed,
                    "the Sentinels name different masters: \(list); see that they reach each other"))
        }
        if answering > 0, places.count == 1, let place = places.first {
            findings.append(
                Finding(subject, .fine, "\(answering) of \(roll.count) say that '\(master)' is \(place)"))
        }
        if roll.count < 3 {
            findings.append(
                Finding(
                    subject, .warning,
                    "\(roll.count) of at least three are in redis.sentinel.endpoints; name three on three hosts, or nobody is promoted when one host dies"
                ))
        }
        return findings
    }
}
