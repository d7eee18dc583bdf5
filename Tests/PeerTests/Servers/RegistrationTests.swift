import Peer
import Testing

@Suite struct RegistrationTests {
    /// A registration whose entry stands in the list with the marker "g".
    private func listed() -> Registration {
        var registration = Registration()
        _ = registration.applicationIsUp()
        registration.registered(generation: "g")
        return registration
    }

    @Test func theEntryIsCreatedOncePerStart() {
        var registration = Registration()
        #expect(registration.applicationIsUp() == .register)
        registration.registered(generation: "g")
        #expect(registration.applicationIsUp() == .none)
        #expect(registration.listWasRead(containsEntry: true, generation: "g") == .none)
    }

    @Test func aRegistrationThatDidNotReachTheStoreIsTriedAgain() {
        var registration = Registration()
        _ = registration.applicationIsUp()
        #expect(registration.listWasRead(containsEntry: false, generation: "g") == .register)
    }

    @Test func nothingHappensBeforeTheApplicationRuns() {
        var registration = Registration()
        #expect(registration.listWasRead(containsEntry: false, generation: nil) == .none)
        #expect(registration.applicationIsGone() == .none)
    }

    /// Redis came back with an older list, in which the entry still stands, until the leader has put it right.
    @Test func anOlderListDoesNotUndoTheRemoval() {
        var registration = listed()
        _ = registration.listWasRead(containsEntry: false, generation: "g")
        #expect(registration.listWasRead(containsEntry: true, generation: nil) == .none)
        #expect(registration.listWasRead(containsEntry: false, generation: "g2") == .none)
        #expect(registration.state == .removed)
        _ = registration.listWasRead(containsEntry: true, generation: "g2")
        #expect(registration.state == .listed(generation: "g2"))
    }

    @Test func anEntryThatAPersonRemovedStaysOut() {
        var registration = listed()
        #expect(registration.listWasRead(containsEntry: false, generation: "g") == .none)
        #expect(registration.state == .removed)
        #expect(registration.applicationIsUp() == .none)
        #expect(registration.listWasRead(containsEntry: false, generation: nil) == .none)
    }

    @Test func aRemovedEntryReturnsWhenAPersonAddsIt() {
        var registration = listed()
        _ = registration.listWasRead(containsEntry: false, generation: "g")
        #expect(registration.listWasRead(containsEntry: true, generation: "g") == .none)
        #expect(registration.state == .listed(generation: "g"))
    }

    @Test func aRemovedEntryReturnsWhenTheApplicationStartsAgain() {
        var registration = listed()
        _ = registration.listWasRead(containsEntry: false, generation: "g")
        #expect(registration.applicationIsGone() == .none)
        #expect(registration.applicationIsUp() == .register)
    }

    @Test(arguments: [nil, "other"])
    func aLostListIsRegisteredWithAgain(_ generation: String?) {
        var registration = listed()
        #expect(registration.listWasRead(containsEntry: false, generation: generation) == .register)
    }

    @Test func aNewMarkerWithTheEntryInItNeedsNothing() {
        var registration = listed()
        #expect(registration.listWasRead(containsEntry: true, generation: "other") == .none)
        #expect(registration.listWasRead(containsEntry: false, generation: "other") == .none)
        #expect(registration.state == .removed)
    }

    @Test func anApplicationThatStoppedIsWithdrawn() {
        var registration = listed()
        #expect(registration.applicationIsGone() == .withdraw)
        #expect(registration.listWasRead(containsEntry: true, generation: "g") == .none)
        #expect(registration.applicationIsUp() == .register)
    }

    @Test func aRemovalOutlivesTheAgent() {
        var registration = Registration(removed: true)
        #expect(registration.applicationIsUp() == .none)
        #expect(registration.applicationIsGone() == .none)
        #expect(registration.applicationIsUp() == .register)
    }
}
