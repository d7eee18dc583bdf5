import Fixtures
import Simulation
import Store
import Testing

/// The simulation's store answers as the real scripts do in a real redis-server: every reply, and all that is left in the
/// keys, with a clock that is stepped both ways, foreign values, wipes and restarts.
@Suite(.serialized) struct ScriptModelTests {
    private static let stepsPerSequence: Int64 = 14

    /// Where model and server part, in words; nil when they do not.
    private struct Difference: Error, CustomStringConvertible { let description: String }

    /// The two stores side by side.
    private struct Pair {
        let real: SteppedRedis
        /// The guard that the real scripts lack.
        let broken: Break?
        var model: RedisModel
        let scripts: ScriptModel
        var sequence: ScriptSequence
        /// Steps that were taken on the model, and their replies, and wait for the server.
        var waiting: [(command: Command, reply: Reply?, text: String)] = []
        var kinds: Set<String> = []

        mutating func take(_ step: ScriptSequence.Step) throws {
            switch step {
            case .run(let script, let keys, let arguments):
                let reply = scripts.run(script, keys: keys, arguments: arguments, on: &model)
                sequence.note(reply)
                let real = broken?.applied(to: script) ?? script
                waiting.append(
                    (
                        Command(real, keys: keys, arguments: arguments), reply,
                        "\(script.name) \(arguments) at \(model.clock)"
                    ))
            case .disturb(let what):
                for command in what.command { waiting.append((command, nil, "\(what)")) }
                what.apply(to: &model)
            case .clock(let milliseconds):
                try settle()
                try real.setClock(milliseconds, keys: ScriptSequence.touched)
                model.setClock(milliseconds)
            case .restart:
                try settle()
                try real.restart()
                model.runID = real.runID
            }
        }

        /// Lets the server take the steps that wait, and compares its replies.
        mutating func settle() throws {
            let replies = try real.ask(waiting.map(\.command))
            for (step, reply) in zip(waiting, replies) {
                guard let expected = step.reply else { continue }
                kinds.insert(Pair.kind(reply))
                guard Pair.isSame(reply, expected) else {
                    throw Difference(description: "\(step.text): \(reply), modelled \(expected)")
                }
            }
            waiting.removeAll(keepingCapacity: true)
        }

        /// Compares what is in the keys.
        mutating func compareContents() throws {
            try settle()
            let contents = model.contents
            var expected: [(key: String, command: Command, reply: Reply)] = []
            for key in ScriptSequence.touched {
                guard let (value, pttl) = contents[key] else {
                    expected.append((key, Command("EXISTS", key), .integer(0)))
                    continue
                }
                expected.append((key, Command("PTTL", key), .integer(pttl)))
                expected += Pair.expected(value, at: key).map { (key, $0, $1) }
            }
            for (line, reply) in zip(expected, try real.ask(expected.map(\.command)))
            where reply != line.reply {
                throw Difference(description: "\(line.key): \(reply), modelled \(line.reply)")
            }
        }

        /// What tells a value apart, and what Redis should answer.
        private static func expected(_ value: RedisModel.Value, at key: String) -> [(Command, Reply)] {
            func bulk(_ text: String) -> Reply { .bulk(Array(text.utf8)) }
            switch value {
            case .string(let text): return [(Command("GET", key), bulk(text))]
            case .hash(let fields):
                return [(Command("HLEN", key), .integer(Int64(fields.count)))]
                    + fields.map { (Command("HGET", key, $0), bulk($1)) }
            case .stream(let stream):
                let length = (Command("XLEN", key), Reply.integer(Int64(stream.entries.count)))
                guard let last = stream.entries.last else { return [length] }
                let fields = Reply.array(zip(last.names, last.values).flatMap { [bulk($0), bulk($1)] })
                let entry = Reply.array([.array([bulk(last.id.description), fields])])
                return [length, (Command("XREVRANGE", key, "+", "-", "COUNT", "1"), entry)]
            case .sorted(let members):
                let all = members.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
                let reply = Reply.array(all.flatMap { [bulk($0.key), bulk("\($0.value)")] })
                return [(Command("ZRANGE", key, "0", "-1", "WITHSCORES"), reply)]
            case .other(let kind): return [(Command("TYPE", key), .status(kind))]
            }
        }

        /// Redis adds the script's digest to the text of its own errors, and cuts a long text.
        private static func isSame(_ real: Reply, _ model: Reply) -> Bool {
            guard case .error(let left) = real, case .error(let right) = model else { return real == model }
            return left.code == right.code && left.message.hasPrefix(right.message.prefix(190))
        }

        private static func kind(_ reply: Reply) -> String {
            switch reply {
            case .error(let error): error.code
            case .array(let parts): parts.count == 4 ? parts[1].text ?? "" : "array \(parts.count)"
            case .integer, .bulk, .status, .null: "other"
            }
        }
    }

    /// Sequences, each on an empty store; the kinds of replies that were seen.
    private func compare(
        _ sequences: Int, seed: UInt64, broken: Break? = nil, brokenModel: Break? = nil, restarts: Int = 0
    ) throws -> Set<String> {
        var random = SeededGenerator(seed: seed)
        let scripts = ScriptSequence.scripts.map { broken?.applied(to: $0) ?? $0 }
        let real = try SteppedRedis(clock: ScriptSequence.start, scripts: scripts)
        var pair = Pair(
            real: real, broken: broken, model: RedisModel(clock: ScriptSequence.start, runID: real.runID),
            scripts: ScriptModel(broken: brokenModel), sequence: try ScriptSequence())
        for number in 0..<sequences {
            pair.model.published.removeAll()
            try pair.take(.disturb(.wipe))
            try pair.take(.clock(ScriptSequence.start + Int64(number) * 1000))
            let mayRestart = restarts > 0 && number % (sequences / restarts) == 0
            if random.chance(70) {  // as after a quiet time: no quarantine
                try pair.take(.disturb(.set(ScriptSequence.keys.store, "\(real.runID) 1000")))
            }
            do {
                for step in 0..<ScriptModelTests.stepsPerSequence {
                    let restartsNow = mayRestart && step == 7
                    try pair.take(
                        restartsNow
                            ? .restart
                            : pair.sequence.next(&random, clock: pair.model.clock, mayRestart: false))
                }
                try pair.compareContents()
            } catch let difference as Difference {
                throw Difference(description: "seed \(seed), sequence \(number): \(difference)")
            }
        }
        return pair.kinds
    }

    @Test func theModelAnswersTenThousandSequencesAsARealServerDoes() throws {
        let kinds = try compare(10_000, seed: 1, restarts: 20)
        // The sequences did reach every answer there is.
        let expected: Set = [
            "held", "quarantine", "reserved", "absent", "array 5", "array 2", "other", "FENCED", "WRONGTYPE",
            "EPOCHS",
        ]
        #expect(expected.subtracting(kinds).isEmpty)
    }

    @Test(arguments: Break.allCases.filter(\.isInScripts)) func aBrokenModelAnswersAsTheBrokenScripts(
        _ broken: Break
    ) throws {
        #expect(ScriptSequence.scripts.contains { broken.applied(to: $0) != $0 })
        _ = try compare(500, seed: 2, broken: broken, brokenModel: broken)
    }

    @Test(arguments: Break.allCases.filter(\.isInScripts)) func aBreakChangesAnswers(_ broken: Break) throws {
        // Whole scripts against a broken model: they part, or the comparison would prove nothing.
        #expect(throws: Difference.self) { _ = try compare(500, seed: 2, brokenModel: broken) }
    }
}
