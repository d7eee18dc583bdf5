import Linux
import Store

/// What an agent of a large troop reads of the server list while it neither routes nor leads next: its own entry.
extension Roster {
    /// Reads this host's own entry and the list's marker, and sees to the registration.
    package func lookAtOwn() async {
        guard let own = place.own else { return }
        guard
            let (replies, runID) = try? await store.identifiedAsk([
                Question("HGET", place.keys.servers, own.address.description),
                Question("GET", place.keys.serversGeneration),
            ])
        else { return }  // the store's own state is reported by its client
        mayIdentify = runID != nil
        for case .error in replies { return await look() }  // which says what is wrong with the keys
        let value = replies[0].text
        ownIsLost = ServerList.loss(generation: replies[1].text, runID: runID) != nil
        // Under another spelling of the address, or removed: the whole list tells. Not after a loss, when all would ask.
        if !ownIsLost, replies[0] == .null, case .listed = registration.state { return await look() }
        if !ownIsLost {
            ownEntry = value.flatMap { try? ServerEntry(field: own.address.description, value: $0) }
        }
        await act(
            on: registration.listWasRead(
                containsEntry: replies[0] != .null, generation: ownIsLost ? nil : replies[1].text))
    }
}
