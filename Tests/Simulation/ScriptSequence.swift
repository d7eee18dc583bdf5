import Election
import Fixtures
import Linux
import Peer
import Simulation
import Store

/// Random runs of the scripts, with what people, clocks and crashes do to a store between them; all of it follows from the
/// generator and from what the model answered before.
struct ScriptSequence {
    /// One step.
    enum Step {
        case run(Script, keys: [String], arguments: [String])
        case disturb(Disturbance)
        case clock(Int64)
        case restart
    }

    /// What a person or an accident does.
    enum Disturbance {
        case wipe
        case delete(String)
        case set(String, String)
        /// A list where no list belongs.
        case makeList(String)
        case setField(String, String)

        var command: [Command] {
            switch self {
            case .wipe: [Command("FLUSHALL")]
            case .delete(let key): [Command("DEL", key)]
            case .set(let key, let text): [Command("SET", key, text)]
            case .setField(let key, let name): [Command("HSET", key, name, "x")]
            case .makeList(let key): [Command("DEL", key), Command("RPUSH", key, "x")]
            }
        }

        func apply(to redis: inout RedisModel) {
            switch self {
            case .wipe: redis.wipe()
            case .delete(let key): redis.delete(key)
            case .set(let key, let text): redis.set(key, text)
            case .setField(let key, let name): _ = try? redis.setFields(key, [name: "x"])
            case .makeList(let key): redis.put(key, .other("list"))
            }
        }
    }

    static let keys = Keys(cluster: "model")
    private static let electionKeys = ElectionScripts.keys(keys)
    private static let hosts = ["a", "b", "c"]
    private static let addresses = ["10.0.0.1:80", "10.0.0.2:80", "[::1]:8080"]
    static let touched =
        electionKeys + [
            keys.traffic, keys.commands, keys.config, keys.servers, keys.serversGeneration,
            keys.command("c1"),
            keys.command("c2"), keys.command("c3"), keys.operations, keys.operationsOpened,
            keys.operation("o1"), keys.operation("o2"), keys.operation("o3"),
        ]
    static let start: Int64 = 1_700_000_000_000

    let settings: [ElectionSettings]
    private var tokens: [Lease] = []

    init() throws {
        settings = try zip(ScriptSequence.hosts, [1000, 2000, 60_000]).map {
            try ElectionSettings(host: $0, nonce: "n", ttlMilliseconds: Int64($1))
        }
    }

    /// Every script that steps run.
    static var scripts: [Script] {
        [
            ElectionScripts.acquire, ElectionScripts.renew, ElectionScripts.release, ElectionScripts.look,
            MarkScript.script, CommandScripts.ask, CommandScripts.take, CommandScripts.settle,
            ServerScripts.register, ServerScripts.add, ServerScripts.remove,
            ServerScripts.restore(fence: Fence.prologue), OperationScripts.open,
        ]
    }

    /// Takes in what the model answered: tokens to use later.
    mutating func note(_ reply: Reply) {
        guard let parts = reply.elements, parts.count == 5, let text = parts[1].text,
            let lease = Lease(token: text)
        else { return }
        tokens.append(lease)
        if tokens.count > 4 { tokens.removeFirst() }
    }

    /// What happens next to a store whose state is the model's.
    mutating func next(_ random: inout SeededGenerator, clock: Int64, mayRestart: Bool) -> Step {
        switch random.within(0...99) {
        case 0...54: return election(&random)
        case 55...62: return command(&random)
        case 63...70: return servers(&random)
        case 71...77: return operation(&random)
        case 78, 79: return mark(&random)
        case 80...92: return .clock(clock + ScriptSequence.stride(&random))
        case 93 where mayRestart: return .restart
        default: return .disturb(disturbance(&random))
        }
    }

    private static func stride(_ random: inout SeededGenerator) -> Int64 {
        switch random.within(0...9) {
        case 0...5: random.within(0...1100)
        case 6, 7: random.within(500...5000)
        case 8: random.within(0...3_600_000)
        default: -random.within(0...3_600_000)
        }
    }

    private func token(_ random: inout SeededGenerator) -> Lease? {
        random.chance(60) ? tokens.last : random.pick(tokens)
    }

    private func election(_ random: inout SeededGenerator) -> Step {
        guard let settings = random.pick(settings) else { return .clock(ScriptSequence.start) }
        let ask: LeaseAsk
        switch random.within(0...9) {
        case 0...3:
            let dead = random.chance(30) ? token(&random)?.token : nil
            let seen = random.chance(50) ? tokens.last?.epoch ?? 0 : 0
            ask = .acquire(
                seen: seen, reason: "why", dead: dead,
                leaderless: random.chance(50) ? random.within(0...99) : nil)
        case 4...6:
            ask = token(&random).map { .renew($0, before: .init(nanoseconds: .max)) } ?? .look
        case 7:
            let target = random.chance(60) ? random.pick(ScriptSequence.hosts) : nil
            ask =
                token(&random).map { .release(ReleaseOrder(.lease($0), target: target, reason: "bye")) }
                ?? .look
        case 8: ask = .release(ReleaseOrder(.anyOfMine, target: nil, reason: "bye"))
        default: ask = .look
        }
        let (script, arguments) = ElectionScripts.message(for: ask, of: settings)
        return .run(script, keys: ScriptSequence.electionKeys, arguments: arguments)
    }

    private func mark(_ random: inout SeededGenerator) -> Step {
        .run(
            MarkScript.script, keys: [Self.keys.lease, Self.keys.traffic],
            arguments: [token(&random)?.token ?? "", "x"])
    }

    private func command(_ random: inout SeededGenerator) -> Step {
        let id = random.pick(["c1", "c2", "c3", "not an id"]) ?? "c1"
        let holder = token(&random)?.token ?? ""
        switch random.within(0...3) {
        case 0, 1:
            return .run(
                CommandScripts.ask, keys: [Self.keys.commands, Self.keys.news],
                arguments: [id, "{}", "\(random.within(1...5000))"])
        case 2:
            return .run(
                CommandScripts.take, keys: [Self.keys.lease, Self.keys.commands, Self.keys.config],
                arguments: [holder, Self.keys.command(""), "7", "9000"])
        default:
            return .run(
                CommandScripts.settle, keys: [Self.keys.lease, Self.keys.command("c1")],
                arguments: [holder, "done", "text", "9000"])
        }
    }

    private func operation(_ random: inout SeededGenerator) -> Step {
        if random.chance(20) {
            return .disturb(.setField(Self.keys.config, random.pick(["pause", "monkeys"]) ?? "pause"))
        }
        // Mostly one, as the policies ask for it; now and then two at once, all or none.
        let ids = random.chance(25) ? ["o2", "o3"] : [random.pick(["o1", "o2", "o3"]) ?? "o1"]
        var arguments = [
            token(&random)?.token ?? "", random.pick(["launch", "reboot"]) ?? "launch",
            "\(random.within(1...2))", "\(random.within(-1...2))", Self.keys.operation(""),
            random.chance(50) ? "1" : "0", "", "0",
        ]
        for id in ids { arguments += [id, "{}", random.pick(["a", "b", "c"]) ?? "a", "running", "launch"] }
        return .run(
            OperationScripts.open,
            keys: [
                Self.keys.lease, Self.keys.operations, Self.keys.operationsOpened, Self.keys.config,
                Self.keys.news, Self.keys.command(""),
            ] + ids.map { Self.keys.operation($0) }, arguments: arguments)
    }

    private func servers(_ random: inout SeededGenerator) -> Step {
        let field = random.pick(Self.addresses) ?? ""
        let value = random.chance(50) ? "" : "{\"weight\":\(random.within(1...3))}"
        switch random.within(0...4) {
        case 0:
            return .run(
                ServerScripts.register,
                keys: [Self.keys.servers, Self.keys.serversGeneration, Self.keys.news],
                arguments: [field, value])
        case 1:
            return .run(
                ServerScripts.add, keys: [Self.keys.servers, Self.keys.news], arguments: [field, value])
        case 2:
            return .run(
                ServerScripts.remove, keys: [Self.keys.servers, Self.keys.news],
                arguments: [field, random.pick(Self.addresses) ?? ""])
        default:
            var arguments = [
                token(&random)?.token ?? "", random.pick(["", "*", "m1"]) ?? "",
                random.pick(["m1", "m2"]) ?? "",
            ]
            for _ in 0..<random.index(3) {
                let step = random.pick(["add", "replace", "remove"]) ?? ""
                arguments += [step, random.pick(Self.addresses) ?? "", value]
            }
            return .run(
                ServerScripts.restore(fence: Fence.prologue),
                keys: [Self.keys.lease, Self.keys.servers, Self.keys.serversGeneration, Self.keys.news],
                arguments: arguments)
        }
    }

    private func disturbance(_ random: inout SeededGenerator) -> Disturbance {
        let key = random.pick(Self.touched) ?? Self.keys.lease
        switch random.within(0...9) {
        case 0, 1: return .wipe
        case 2, 3: return .delete(key)
        case 4: return .makeList(key)
        default: return .set(key, garbage(&random))
        }
    }

    private func garbage(_ random: inout SeededGenerator) -> String {
        let values = [
            "", "x", "a:n:1", "a:n:0", "::", "0123abcd", "0123abcd 500", "0123abcd  5", "abc 99999999", "12",
            "2251799813685247", "2251799813685248", "2251799813685249", "99999999999999999999999", "-5",
            "1e3", "1",
            "m1", tokens.last?.token ?? "z",
        ]
        return random.pick(values) ?? ""
    }
}
