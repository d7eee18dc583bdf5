import Election
import Fixtures
import Linux

/// `peer.listen`: what `PeerDoor` does with sockets.
extension World {
    /// Opens or closes the own door, and watches that of the leader that is followed: `Elector.attend`.
    mutating func attend(_ index: Int) {
        switch agents[index].core.standing {
        case .leader(let lease, _):
            if agents[index].shown != lease {
                shut(index)
                agents[index].shown = lease
            }
            watch(index, .rest)
            agents[index].lookout = nil
        case .follower(.some(let lease)) where agents[index].core.watches:
            shut(index)
            guard agents[index].lookout != lease else { return }
            agents[index].lookout = lease
            let door = agents.first { $0.host == lease.host }?.door
            watch(index, .follow(lease, at: door))
        case .follower, .candidate, .limbo:
            shut(index)
            watch(index, .rest)
            agents[index].lookout = nil
        }
    }

    private mutating func shut(_ index: Int) {
        guard agents[index].shown != nil else { return }
        agents[index].shown = nil
        let visitors = agents[index].visitors
        agents[index].visitors = []
        for visitor in visitors { say(.ended, to: visitor) }
    }

    /// Tells a watch, and does what it says.
    mutating func watch(_ index: Int, _ event: HolderWatch.Event) {
        var proven: Lease?
        if broken == .anyEndIsProof, event == .broken, agents[index].watch.isWatching {
            proven = agents[index].lookout
        }
        for action in agents[index].watch.handle(event, at: local(index)) {
            switch action {
            case .connect(let address):
                agents[index].call += 1
                guard let door = agents.firstIndex(where: { $0.door == address }) else { continue }
                if !isCalm, random.chance(3) { continue }
                add(.door(.knock(agent: index, call: agents[index].call, door: door)), in: delay())
            case .close: agents[index].call += 1
            case .proven(let lease): proven = lease
            }
        }
        agents[index].callGeneration += 1
        if let wake = agents[index].watch.wakeAt {
            let time = max(now, agents[index].clock.time(of: wake))
            events.add(.door(.wake(agent: index, generation: agents[index].callGeneration)), at: time)
        }
        guard let proven else { return }
        tally.proofs += 1
        step(index, .holderDied(proven))
    }

    /// News of a connection, on its way to the one that made it.
    mutating func say(_ event: HolderWatch.Event, to visitor: (agent: Int, call: Int)) {
        if !isCalm, random.chance(3) { return }
        // What the peer's kernel closes in good order may still arrive as a reset.
        let isReset = !isCalm && event == .ended && random.chance(10)
        add(.door(.said(agent: visitor.agent, call: visitor.call, isReset ? .broken : event)), in: delay())
    }

    mutating func takeDoor(_ event: DoorEvent) {
        switch event {
        case .wake(let index, let generation):
            guard agents[index].isUp, agents[index].callGeneration == generation,
                !postpone(.door(event), index)
            else { return }
            watch(index, .wake)
        case .knock(let index, let call, let door):
            // The kernel accepts for a process that is stopped; its line comes when it goes on.
            guard agents[index].call == call else { return }
            guard let lease = agents[door].shown else {
                return say(.refused, to: (index, call))
            }
            if postpone(.door(event), door) { return }
            agents[door].visitors.append((index, call))
            let line = PeerGreeting.line(lease.token).dropLast()
            say(.stated(String(line)), to: (index, call))
        case .said(let index, let call, let what):
            guard agents[index].isUp, agents[index].call == call, !postpone(.door(event), index) else {
                return
            }
            watch(index, what)
        }
    }
}
