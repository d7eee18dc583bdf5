import Linux

/// What one Sentinel said when it was asked for the master.
package struct SentinelWord: Sendable, Equatable {
    /// An answer, as far as it can be used.
    package enum Answer: Sendable, Equatable {
        case master(SentinelSettings.Endpoint)
        /// It watches no master of that name.
        case unknown
        case failed(String)
    }

    package var endpoint: SentinelSettings.Endpoint
    package var answer: Answer

    /// A word from its parts.
    package init(endpoint: SentinelSettings.Endpoint, answer: Answer) {
        self.endpoint = endpoint
        self.answer = answer
    }
}

extension MasterFinder {
    private static let rollMilliseconds: Int64 = 500

    /// Asks every Sentinel, one after the other; blocks for half a second for each that is silent.
    package func roll() -> [SentinelWord] {
        settings.endpoints.map { endpoint in
            let deadline = Instant.now().advanced(milliseconds: MasterFinder.rollMilliseconds)
            let answer: SentinelWord.Answer =
                switch ask(endpoint, .shared, "check", until: deadline) {
                case .master(let place): .master(place)
                case .unknown: .unknown
                case .failed(let why): .failed(why)
                }
            return SentinelWord(endpoint: endpoint, answer: answer)
        }
    }
}
