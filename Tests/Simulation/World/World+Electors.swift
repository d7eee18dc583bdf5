import Election
import Fixtures
import Linux
import Store

/// The shells around the cores: what `Elector` and `ElectorLink` do, on a network that loses and delays.
extension World {
    /// A process starts (again): another nonce, and what is on disk.
    mutating func begin(_ index: Int, in milliseconds: Int64) {
        let run = agents[index].run + 1
        guard let settings = try? settings(index, run: run) else { return }
        agents[index].run = run
        agents[index].isUp = true
        agents[index].frozenUntil = 0
        agents[index].clock.thaw(at: now)
        agents[index].settings = settings
        let seen = broken == .forgetsEpochs ? 0 : agents[index].diskEpoch
        agents[index].core = LeaseCore(settings, highestEpochSeen: seen, seed: random.next())
        agents[index].watch = HolderWatch()
        agents[index].lookout = nil
        agents[index].awaits = nil
        agents[index].generation += 1
        agents[index].node = discover(index)
        add(.wake(agent: index, generation: agents[index].generation), in: milliseconds)
        add(.effect(.act(agent: index, run: run)), in: milliseconds + 50)
        agents[index].roster.begin()
        add(.list(.look(agent: index, run: run)), in: milliseconds + 20)
    }

    /// The process is gone, with all its sockets; its machine, too, where nobody hears the sockets close.
    mutating func crash(_ index: Int, isPowerCut: Bool) {
        tally.crashes += 1
        noteForgetful()
        agents[index].isUp = false
        agents[index].awaits = nil
        agents[index].core = LeaseCore(agents[index].settings, highestEpochSeen: 0, seed: 0)
        agents[index].shown = nil
        let visitors = agents[index].visitors
        agents[index].visitors = []
        if !isPowerCut { for visitor in visitors { say(.ended, to: visitor) } }
        add(.restart(agent: index, run: agents[index].run), in: random.within(0...4000))
    }

    /// Tells a core, and does what it says.
    mutating func step(_ index: Int, _ event: LeaseCore.Event) {
        let at = local(index)
        for action in agents[index].core.handle(event, at: at) {
            switch action {
            case .ask(let ask): send(index, ask, at: at)
            case .report(let standing, _):
                // What `LeaderDuties` writes down.
                if let epoch = standing.epoch {
                    agents[index].diskEpoch = max(agents[index].diskEpoch, epoch)
                }
            }
        }
        agents[index].generation += 1
        if let wake = agents[index].core.wakeAt {
            let time = max(now, agents[index].clock.time(of: wake))
            events.add(.wake(agent: index, generation: agents[index].generation), at: time)
        }
        attend(index)
    }

    private mutating func send(_ index: Int, _ ask: LeaseAsk, at sent: Instant) {
        if case .renew(_, let before) = ask, before <= sent {
            return violate(1, "a renewal was asked too late")
        }
        agents[index].number += 1
        let (run, number, node) = (agents[index].run, agents[index].number, agents[index].node)
        agents[index].awaits = number
        add(.timeout(agent: index, run: run, number: number), in: World.timeoutMilliseconds)
        if agents[index].muteUntil > now || (!isCalm && random.chance(3)) { return }
        add(.ask(agent: index, run: run, number: number, node: node, ask, sent: sent), in: delay())
    }

    mutating func askArrives(
        _ event: Event, _ index: Int, _ run: Int, _ number: Int, _ node: Int, _ ask: LeaseAsk, _ sent: Instant
    ) {
        if nodes[node].pausedUntil > now { return add(event, at: nodes[node].pausedUntil) }
        guard reaches(index, node) else { return }
        var result: StoreResult
        if let refusal = refusal(of: node, writes: ask != .look) {
            result = .failure(refusal)
        } else if let settings = try? settings(index, run: run) {
            let (script, arguments) = message(ask, settings)
            nodes[node].tick(now)
            let before = try? nodes[node].redis.get(World.keys.lease)
            let reply = perform(script, keys: World.scriptKeys, arguments, on: node)
            note(LeaseAnswer(reply, to: ask), to: ask, index, node)
            checkTouch(before, ask, index, run, node)
            result = .reply(reply)
        } else {
            return
        }
        if case .reply(.error(let error)) = result { result = .failure(StoreFailure(.rejected(error))) }
        // A process that died may have had a message under way; nobody waits for its answer.
        guard agents[index].run == run else { return }
        if agents[index].deafUntil > now || (!isCalm && random.chance(3)) { return }
        let late = nodes[node].slowUntil > now ? random.within(50...400) : 0
        add(
            .reply(agent: index, run: run, number: number, result, ask, sent: sent), in: delay() + late)
    }

    private func message(_ ask: LeaseAsk, _ settings: ElectionSettings) -> (Script, [String]) {
        guard broken == .forgetsEpochs, case .acquire(_, let reason, let dead, let leaderless) = ask else {
            return ElectionScripts.message(for: ask, of: settings)
        }
        return ElectionScripts.message(
            for: .acquire(seen: 0, reason: reason, dead: dead, leaderless: leaderless), of: settings)
    }

    mutating func answered(_ index: Int, _ result: StoreResult, _ ask: LeaseAsk, _ sent: Instant) {
        switch result {
        case .failure(let failure): failed(index, failure)
        case .reply(let reply):
            agents[index].awaits = nil
            let sent = broken == .countsFromReceipt ? local(index) : sent
            step(index, .answered(LeaseAnswer(reply, to: ask), sent: sent))
        }
    }

    /// The connection is closed; the next one goes where the master is said to be.
    mutating func failed(_ index: Int, _ failure: StoreFailure) {
        agents[index].awaits = nil
        agents[index].node = discover(index)
        step(index, .failed(failure))
    }

    /// `Elector.hear`.
    mutating func hear(_ index: Int, _ message: String) {
        let words = message.split(separator: " ")
        let isInvited = words.count == 3 && words[0] == "released" && words[2] == agents[index].host
        step(index, isInvited ? .invited : .hint)
    }

    /// Mostly quick, at times slow, seldom so late that nobody waits for it any more; in milliseconds.
    mutating func delay() -> Int64 {
        if isCalm { return random.within(0...2) }
        if random.chance(3) { return random.within(200...4000) }
        return random.chance(15) ? random.within(20...190) : random.within(0...4)
    }
}
