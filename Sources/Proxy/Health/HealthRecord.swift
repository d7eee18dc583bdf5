/// One server's checks in a row: the first decides, later ones must agree `rise` or `fall` times.
struct HealthRecord: Equatable {
    private(set) var state = HealthState.unknown
    /// Results in a row that speak against `state`.
    private var contrary = 0
    /// It has been healthy before.
    private var hasPassed = false

    /// Notes a check's result (nil: good); true when the state changed between healthy and unhealthy.
    mutating func note(failure: HealthFailure?, rise: Int, fall: Int) -> Bool {
        let wanted = failure.map { HealthState.unhealthy($0) } ?? .healthy
        let needed: Int
        switch (state, failure) {
        case (.unknown, _): needed = 1
        case (.healthy, nil):
            contrary = 0
            return false
        case (.unhealthy, .some):
            contrary = 0
            state = wanted  // the newest reason is the one to show
            return false
        case (.healthy, .some): needed = fall
        case (.unhealthy, nil): needed = rise
        }
        contrary += 1
        guard contrary >= needed else { return false }
        contrary = 0
        state = wanted
        hasPassed = hasPassed || failure == nil
        return true
    }

    /// Notes a failure that leaves no doubt, whatever was known; true when the server was not unhealthy before.
    mutating func condemn(_ failure: HealthFailure) -> Bool {
        let changes = !state.isUnhealthy
        contrary = 0
        state = .unhealthy(failure)
        return changes
    }

    /// What this means for the routing. A server that has never answered at all counts as nobody: a list may
    /// hold thousands that are long gone, and their silence says nothing about the checks.
    var rank: ServerRank {
        switch state {
        case .unknown: .unchecked
        case .healthy: .passed
        case .unhealthy(.noConnection): hasPassed ? .failed : .dead
        case .unhealthy(let failure): failure.meansNobody ? .dead : .failed
        }
    }
}
