package import Linux

/// A command that only reads one key, or none.
package struct Question: Sendable, Equatable {
    private let name: String
    private let key: String?
    private let arguments: [String]

    /// A question by a command's name, the key it reads, and what follows the key.
    package init(_ name: String, _ key: String? = nil, _ arguments: String...) {
        self.name = name
        self.key = key
        self.arguments = arguments
    }

    private var words: [String] { [name] + (key.map { [$0] } ?? []) + arguments }

    /// The question asked by itself.
    package var command: Command { Command(words) }

    /// Questions asked as one command, whose reply has theirs in turn, each seen at the same moment.
    ///
    /// Redis copies a reply twice more on its way through Lua: for answers of some kilobytes.
    package static func command(_ questions: [Question]) -> Command {
        var arguments: [String] = []
        for question in questions {
            let words = question.words
            arguments.append(String(words.count))
            arguments += words
        }
        return Command(script, keys: questions.compactMap(\.key), arguments: arguments)
    }

    /// The replies within the reply to `command(_:)`; throws for one that is no answer to so many questions.
    package static func replies(in reply: Reply, to count: Int) throws(StoreFault) -> [Reply] {
        guard let replies = reply.elements, replies.count == count else {
            throw .malformed("\(count) questions got \(reply.elements?.count ?? 0) replies")
        }
        return replies
    }

    /// KEYS: what the questions read. ARGV: for each question the number of its words, and the words.
    /// Answers the replies in turn; an error of one is its reply.
    private static let script = Script(
        name: "ask",
        body: """
            local replies, at = {}, 1
            while ARGV[at] do
              local last = at + tonumber(ARGV[at])
              replies[#replies + 1] = redis.pcall(unpack(ARGV, at + 1, last))
              at = last + 1
            end
            return replies
            """)
}

extension StoreConnection {
    /// Asks all questions as one command; error replies stay in the list.
    package func ask(_ questions: [Question], until deadline: Instant) throws(StoreFault) -> [Reply] {
        if questions.isEmpty { return [] }
        let reply = try call(Question.command(questions), until: deadline)
        let replies = try Question.replies(in: reply, to: questions.count)
        for case .error(let error) in replies where error.kind == .rediscover { close() }
        return replies
    }
}

extension Store {
    /// Asks all questions as one command; error replies stay in the list.
    package func ask(_ questions: [Question]) throws(StoreFault) -> [Reply] {
        try session { (connection, deadline) throws(StoreFault) in
            try connection.ask(questions, until: deadline)
        }
    }

    /// Asks as `ask` does, and says which run of Redis answered (see `identifiedPipeline`).
    package func identifiedAsk(
        _ questions: [Question]
    ) throws(StoreFault) -> (replies: [Reply], runID: String?) {
        try session { (connection, deadline) throws(StoreFault) in
            let runID = try connection.runID(until: deadline)
            return (try connection.ask(questions, until: deadline), runID)
        }
    }
}
