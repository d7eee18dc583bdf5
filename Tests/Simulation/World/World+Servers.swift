import Election
import Fixtures
import Linux
import Peer
import Proxy
import Store

/// What becomes of the server list.
enum ListEvent {
    /// An agent reads the list.
    case look(agent: Int, run: Int)
    case read(agent: Int, run: Int, ServerList.Reading)
    case write(ListWrite)
    case registered(agent: Int, run: Int, generation: String?)
    /// A person adds or removes a server, or takes it out.
    case person
    case judge
}

/// What an agent writes into the list, on its way.
struct ListWrite {
    enum Kind {
        case register
        case restore
    }

    let agent: Int
    let run: Int
    let node: Int
    let kind: Kind
    let arguments: [String]
}

/// One agent's part in the server list: the shipping cores, and what is on its disk.
struct SimulatedRoster {
    let address: SocketAddress
    var list = ServerList()
    var registration = Registration()
    // `servers.json` and `registration.json`.
    private var saved = ServerList.Content()
    private var savedRemoval = false

    init(address: SocketAddress) { self.address = address }

    var isRemoved: Bool { registration.state == .removed }

    /// What `Roster` writes down after each reading.
    mutating func save() {
        saved = list.content
        savedRemoval = isRemoved
    }

    /// The process starts again with what is on its disk.
    mutating func begin() {
        list = ServerList(saved)
        registration = Registration(removed: savedRemoval)
    }
}

/// The server list as people saw it when all was well, to hold what comes later against it.
struct ListLedger {
    /// Every address that was ever written, with its entry when everybody agreed; nil for none.
    var settled: [SocketAddress: ServerEntry?] = [:]
    /// What people have changed since.
    var touched: Set<SocketAddress> = []
    /// People's last word of an address, whether it was lost since or not.
    var said: [SocketAddress: ServerEntry] = [:]
    /// An agent has forgotten since what only its memory knew: that it is up to date.
    var hasForgetful = false
    /// The store went back to before `settled`, and no leader has put that right yet.
    var isBehind = false
    var settledAt: Int64 = .min / 2
}

/// The shell around the cores of the server list, `Roster`, and the people who change it.
extension World {
    static let serverKeys = [keys.servers, keys.serversGeneration, keys.news]
    /// Servers without an agent; the last two nobody ever touches, since a list that empties at once counts as lost.
    static let foreignServers = 5
    private static let leaderLookMilliseconds: Int64 = 500
    private static let standbyLookMilliseconds: Int64 = 2000

    mutating func takeList(_ event: ListEvent) {
        switch event {
        case .look(let index, let run):
            guard agents[index].isUp, agents[index].run == run, !postpone(.list(event), index) else { return }
            lookAtList(index)
        case .read(let index, let run, let reading):
            guard agents[index].isUp, agents[index].run == run, !postpone(.list(event), index) else { return }
            listWasRead(index, reading)
        case .write(let write):
            if nodes[write.node].pausedUntil > now {
                return add(.list(event), at: nodes[write.node].pausedUntil)
            }
            writeList(write)
        case .registered(let index, let run, let generation):
            guard agents[index].isUp, agents[index].run == run, !postpone(.list(event), index) else { return }
            agents[index].roster.registration.registered(generation: generation)
        case .person:
            if !isCalm { changeList() }
            add(.list(.person), in: random.within(500...6000))
        case .judge: judgeLists()
        }
    }

    /// The servers that no agent registers are there from the beginning.
    mutating func beginList() throws {
        for number in 0..<World.foreignServers {
            let entry = ServerEntry(
                address: try SocketAddress("10.2.0.\(number + 1):80"), by: "cli:ann", since: 1)
            _ = perform(
                ServerScripts.add, keys: [World.keys.servers, World.keys.news],
                [entry.address.description, entry.value], on: master)
        }
        add(.list(.person), in: 3000)
    }

    private mutating func lookAtList(_ index: Int) {
        let agent = agents[index]
        let leads = agent.core.standing.lease(at: local(index)) != nil
        let pause = leads ? World.leaderLookMilliseconds : World.standbyLookMilliseconds
        guard reaches(index, agent.node), refusal(of: agent.node, writes: false) == nil,
            nodes[agent.node].pausedUntil <= now, agent.muteUntil <= now, agent.deafUntil <= now
        else { return add(.list(.look(agent: index, run: agent.run)), in: pause) }
        let redis = nodes[agent.node].redis
        let fields = (try? redis.fields(World.keys.servers)) ?? [:]
        let generation = (try? redis.get(World.keys.serversGeneration)) ?? nil
        let runID = broken == .trustsOldLists ? nil : redis.runID
        let reading = ServerList.Reading(fields: fields, generation: generation, runID: runID)
        let late = delay()
        add(.list(.read(agent: index, run: agent.run, reading)), in: late)
        add(.list(.look(agent: index, run: agent.run)), in: late + pause)
    }

    /// `Roster.look`.
    private mutating func listWasRead(_ index: Int, _ reading: ServerList.Reading) {
        _ = agents[index].roster.list.take(reading)
        let roster = agents[index].roster
        let contains = reading.fields[roster.address.description] != nil
        act(index, agents[index].roster.registration.applicationIsUp())
        act(
            index,
            agents[index].roster.registration.listWasRead(
                containsEntry: contains, generation: roster.list.isLost ? nil : reading.generation))
        if roster.list.isLost, let lease = mandate(index) {
            send(index, .restore, roster.list.restoreArguments(token: lease.token))
        }
        agents[index].roster.save()
    }

    /// `Roster.act`.
    private mutating func act(_ index: Int, _ action: Registration.Action) {
        guard action == .register else { return }
        let roster = agents[index].roster
        let known = roster.list.isLost ? roster.list.entries[roster.address] : nil
        let entry =
            known
            ?? ServerEntry(address: roster.address, host: agents[index].host, by: "agent", since: now)
        send(index, .register, [entry.address.description, entry.value])
    }

    private mutating func send(_ index: Int, _ kind: ListWrite.Kind, _ arguments: [String]) {
        let agent = agents[index]
        guard agent.muteUntil <= now, isCalm || !random.chance(3) else { return }
        let write = ListWrite(
            agent: index, run: agent.run, node: agent.node, kind: kind, arguments: arguments)
        add(.list(.write(write)), in: delay())
    }

    private mutating func writeList(_ write: ListWrite) {
        guard reaches(write.agent, write.node), refusal(of: write.node, writes: true) == nil else { return }
        switch write.kind {
        case .register:
            let reply = perform(
                ServerScripts.register, keys: World.serverKeys, write.arguments, on: write.node)
            guard let parts = reply.elements, agents[write.agent].deafUntil <= now else { return }
            let generation = parts.last?.text.flatMap { $0.isEmpty ? nil : $0 }
            add(
                .list(.registered(agent: write.agent, run: write.run, generation: generation)), in: delay())
        case .restore:
            let reply = perform(
                ServerScripts.restore(fence: Fence.prologue), keys: [World.keys.lease] + World.serverKeys,
                write.arguments, on: write.node)
            guard reply.elements?.first?.integer == 1 else { return }
            tally.restoredLists += 1
            if write.node == master { ledger.list.isBehind = false }
        }
    }

    private mutating func changeList() {
        guard refusal(of: master, writes: true) == nil, nodes[master].pausedUntil <= now else { return }
        var addresses = agents.map(\.roster.address)
        for number in 0..<(World.foreignServers - 2) {
            if let address = try? SocketAddress("10.2.0.\(number + 1):80") { addresses.append(address) }
        }
        guard let address = random.pick(addresses) else { return }
        ledger.list.touched.insert(address)
        tally.listChanges += 1
        if random.chance(40) {
            _ = perform(
                ServerScripts.remove, keys: [World.keys.servers, World.keys.news], [address.description],
                on: master)
            ledger.list.said[address] = nil
        } else {
            let entry = ServerEntry(
                address: address, state: random.chance(50) ? .out : .active, by: "cli:ann", since: now)
            _ = perform(
                ServerScripts.add, keys: [World.keys.servers, World.keys.news],
                [address.description, entry.value], on: master)
            ledger.list.said[address] = entry
        }
    }
}
