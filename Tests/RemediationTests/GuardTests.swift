import Remediation
import Testing

@Suite struct GuardTests {
    private let heal = Wish.heal(host: "a", server: "10.0.0.1:3000", reason: "hot")
    private let launch = Wish.launch(count: 1, reason: "hot")

    private var calm: GuardContext {
        var context = GuardContext()
        context.reports = GuardContext.Reports(hosts: 4, fresh: 4)
        (context.servers, context.activeServers, context.healthyServers) = (4, 4, 4)
        context.fleet = .counted(4)
        context.leader = "d"
        return context
    }

    private func rail(_ wish: Wish, _ change: (inout GuardContext) -> Void, byPerson: Bool = false) -> Guard?
    {
        var context = calm
        change(&context)
        return Guard.objection(to: wish, in: context, byPerson: byPerson)?.guard
    }

    @Test func nothingHoldsBackInACalmTroop() {
        #expect(rail(heal) { _ in } == nil)
        #expect(rail(launch) { _ in } == nil)
    }

    @Test func eachGuardHoldsBackWithItsReason() {
        #expect(rail(heal) { $0.pause = "work" } == .pause)
        #expect(rail(heal) { $0.monkeysPause = "" } == .monkeysPause)
        #expect(rail(launch) { $0.storeFault = "no answer" } == .store)
        #expect(rail(launch) { $0.ledMilliseconds = 59_000 } == .grace)
        #expect(rail(launch) { $0.reports.fresh = 1 } == .reports)
        #expect(rail(heal) { $0.holds = ["a": "kernel work"] } == .hold)
        #expect(rail(heal) { $0.quarantine = ["a": "two remedies failed"] } == .quarantine)
        #expect(rail(heal) { $0.leader = "a" } == .leader)
        #expect(rail(heal) { $0.storm = "the whole fleet is hot" } == .storm)
        #expect(rail(launch) { $0.storm = "the whole fleet is hot" } == nil)
        #expect(rail(launch) { $0.lastScaling = .init(agoMilliseconds: 179_000) } == .cooldown)
        #expect(rail(launch) { $0.lastScaling = .init(agoMilliseconds: 181_000) } == nil)
        #expect(rail(launch) { $0.lastScaling = .init(agoMilliseconds: 700_000, failures: 2) } == .cooldown)
        #expect(rail(heal) { $0.lastRemedy = ["a": 1000] } == .cooldown)
        #expect(rail(heal) { $0.rebootsLastHour = 4 } == .budget)
        #expect(rail(launch) { $0.rebootsLastHour = 4 } == nil)
        #expect(rail(launch) { $0.launchesLastHour = 10 } == .budget)
        #expect(rail(launch) { $0.fleet = .noProvider } == .provider)
        #expect(rail(launch) { $0.fleet = .unreadable("403") } == .provider)
        #expect(rail(launch) { $0.fleet = .counted(10) } == .max)
        #expect(rail(launch) { $0.servers = 10 } == .max)
    }

    @Test func enoughServersMustStay() {
        // floor(51 % of 4) = 2 must stay.
        #expect(rail(heal) { $0.healthyServers = 3 } == nil)
        #expect(rail(heal) { $0.healthyServers = 2 } == .minHealthy)
        #expect(rail(heal) { ($0.activeServers, $0.healthyServers) = (1, 1) } == .minHealthy)
        #expect(rail(heal) { ($0.activeServers, $0.healthyServers) = (2, 2) } == nil)
        #expect(rail(heal) { ($0.healthyServers, $0.settings.rails.minHealthyPercent) = (2, 0) } == .panic)
        #expect(rail(.heal(host: "a", server: nil, reason: "")) { $0.healthyServers = 0 } == nil)
    }

    /// Ten servers, of which failed remedies have left five out: no more of them go.
    @Test func failedRemediesMakeNoRoomForFurtherOnes() {
        var list = (0..<10).map {
            FleetView.Server(address: "10.0.0.\($0):80", host: "h\($0)")
        }
        func isFree(_ index: Int) -> Bool {
            let wish = Wish.heal(host: "h\(index)", server: list[index].address, reason: "")
            return rail(wish) { $0.count(list) } == nil
        }
        for index in 0..<4 {
            #expect(isFree(index))
            (list[index].state, list[index].by) = (.out, "op:x\(index)")
        }
        #expect(isFree(4))
        (list[4].state, list[4].by) = (.out, "op:x4")
        #expect(!isFree(5))
        // What a person took out is his to miss.
        for index in 0..<5 { list[index].by = "cli:ann" }
        #expect(isFree(5))
    }

    @Test func aSickServerIsNotMissed() {
        let list = [
            FleetView.Server(address: "10.0.0.1:80", host: "a", isHealthy: false),
            FleetView.Server(address: "10.0.0.2:80", host: "b"),
        ]
        let sick = Wish.heal(host: "a", server: "10.0.0.1:80", reason: "")
        let well = Wish.heal(host: "b", server: "10.0.0.2:80", reason: "")
        #expect(rail(sick) { $0.count(list) } == nil)
        #expect(rail(well) { $0.count(list) } == .minHealthy)
    }

    @Test func aSecondServerOnTheMachineHoldsBack() {
        var list = [
            FleetView.Server(address: "10.0.0.1:80", host: "a"),
            FleetView.Server(address: "10.0.0.2:80", host: "b"),
            FleetView.Server(address: "10.0.0.3:80", host: "c"),
            FleetView.Server(address: "10.0.0.9:80", host: "a", state: .out),
        ]
        let wish = Wish.heal(host: "a", server: "10.0.0.1:80", reason: "")
        #expect(rail(wish) { $0.count(list) } == nil)
        list[3].state = .active  // its old address
        #expect(rail(wish) { $0.count(list) } == .twoServers)
        list[3] = FleetView.Server(address: "10.0.0.1:81", host: "a2")  // a second agent on the machine
        #expect(rail(wish) { $0.count(list) } == .twoServers)
        #expect(rail(.heal(host: "a", server: nil, reason: "")) { $0.count(list) } == .twoServers)
        // Different boots are different machines behind one address; equal ones are one.
        for (other, expected) in [("boot-2", nil), ("boot-1", .twoServers)] as [(String, Guard?)] {
            let found = rail(wish) {
                $0.count(list)
                $0.boots = ["a": "boot-1", "a2": other]
            }
            #expect(found == expected)
        }
    }

    @Test func theHostOfRedisIsLeftToPeople() {
        let wish = Wish.heal(host: "a", server: "10.0.0.1:80", reason: "")
        #expect(rail(wish) { $0.storeHosts = ["10.0.0.1"] } == .storeHost)
        #expect(rail(wish, { $0.storeHosts = ["10.0.0.1"] }, byPerson: true) == nil)
        #expect(rail(wish) { $0.storeHosts = ["10.0.0.2"] } == nil)
        // A second try names no server: its server is out, and on that host all the same.
        let again = Wish.heal(host: "a", server: nil, reason: "")
        let list = [
            FleetView.Server(address: "10.0.0.1:80", host: "a", state: .out, by: "op:x"),
            FleetView.Server(address: "10.0.0.2:80", host: "b"),
        ]
        func found(_ redis: String) -> Guard? {
            rail(again) {
                $0.count(list)
                $0.storeHosts = [redis]
            }
        }
        #expect(found("10.0.0.1") == .storeHost)
        #expect(found("10.0.0.2") == nil)
    }

    @Test func aLeaderThatHandsOverIsOnNobodysServer() {
        // As 'HSET servers ADDRESS ""' writes it.
        let nobodys = [
            FleetView.Server(address: "10.0.0.9:80", host: ""),
            FleetView.Server(address: "10.0.0.8:80", host: "b"),
        ]
        #expect(rail(.heal(host: "", server: nil, reason: "")) { $0.count(nobodys) } == nil)
    }

    @Test func serversOnLaunchedMachinesCountOnce() {
        var list = (0..<6).map { FleetView.Server(address: "10.0.0.\($0):80", host: "h\($0)") }
        list += (0..<2).map { FleetView.Server(address: "10.0.1.\($0):80", host: "gift-\($0)") }
        func held(_ machines: Int) -> Bool {
            rail(.launch(count: 1, reason: "")) {
                $0.count(list)
                ($0.fleet, $0.settings.gift.max) = (.counted(machines), 10)
            } == .max
        }
        #expect(!held(2) && !held(3))
        #expect(held(4))  // two of four do not serve (yet): they are there all the same
    }

    @Test func oneRemedyAtATime() {
        let other = Operation(
            id: "op1", kind: .reboot, target: "b", ladder: [.reboot], epoch: 1, started: 0, reason: "",
            by: "doctor")
        #expect(rail(heal) { $0.operations = [other] } == .concurrent)
        #expect(rail(launch) { $0.operations = [other] } == nil)
        #expect(
            rail(.heal(host: "b", server: nil, reason: "")) {
                $0.operations = [other]
                $0.settings.rails.concurrent = 9
            } == .operationOnHost)
    }

    @Test func peopleMayOverruleCautionButNotArithmetic() {
        #expect(rail(heal, { $0.ledMilliseconds = 1 }, byPerson: true) == nil)
        #expect(rail(heal, { $0.rebootsLastHour = 9 }, byPerson: true) == nil)
        #expect(rail(heal, { $0.healthyServers = 2 }, byPerson: true) == .minHealthy)
        #expect(rail(launch, { $0.fleet = .counted(10) }, byPerson: true) == .max)
        #expect(rail(heal, { $0.leader = "a" }, byPerson: true) == .leader)
    }

    @Test(arguments: [
        ("02:00-04:00", 3 * 60, true), ("02:00-04:00", 4 * 60, false), ("22:00-04:00", 23 * 60, true),
        ("22:00-04:00", 3 * 60, true), ("22:00-04:00", 12 * 60, false), ("thu 00:00-24:00", 60, true),
        ("fri 00:00-24:00", 60, false), ("wed 22:00-04:00", 60, true), ("thu 22:00-04:00", 60, false),
        ("mon-wed,sat 01:00-02:00", 60, false), ("sat-thu 01:00-02:00", 60, true),
    ])
    func windowsOpenAndClose(text: String, minute: Int, isOpen: Bool) throws {
        let window = try #require(MaintenanceWindow(text))
        #expect(
            window.isOpen(atMs: Int64(minute) * 60_000) == isOpen, "on a Thursday, the first of January 1970")
    }

    @Test(arguments: [
        "", "2:00-4:00", "02:00", "02:00-02:00", "24:00-01:00", "02:00-25:00", "xyz 02:00-03:00",
        "mon tue 1-2",
    ])
    func whatIsNoWindowIsRefused(text: String) { #expect(MaintenanceWindow(text) == nil) }

    @Test func remediesOutsideTheWindowsWait() {
        #expect(
            rail(heal) { $0.settings.rails.windows = [MaintenanceWindow("02:00-03:00")].compactMap { $0 } }
                == .window)
        #expect(
            rail(launch) { $0.settings.rails.windows = [MaintenanceWindow("02:00-03:00")].compactMap { $0 } }
                == nil)
    }
}
