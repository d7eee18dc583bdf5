import ArgumentParser

/// What is measured, one after the other.
enum Scenario: String, CaseIterable, ExpressibleByArgument {
    /// CPU for each request with a body of 128 bytes.
    case small
    /// The same with 10 KiB.
    case medium
    /// The same with 1 MiB, a byte.
    case bulk
    /// Small bodies under TLS, over kept connections.
    case tls
    /// Full TLS handshakes.
    case handshakes
    /// The time an answer takes at 70 % of the highest rate.
    case latency
    /// System calls for each request.
    case syscalls
    /// Memory of connections that rest.
    case idle
    /// Picks and publications with 10,000 servers.
    case routing
}

/// A comparison of CPU time: what is asked for, and what share of a rival's time is aimed at.
struct CPUScenario {
    let scenario: Scenario
    let title: String
    var bytes = 128
    var isSecure = false
    let connections: Int
    /// The most that Troop may use, as a share of each contender's.
    let goals: [(name: String, share: Double)]

    /// The scenario, if it is one of CPU time.
    init?(_ scenario: Scenario, connections: Int) {
        self.scenario = scenario
        switch scenario {
        case .small:
            title = "128-byte bodies"
            self.connections = connections
            goals = [("haproxy", 0.80), ("nginx", 0.80), ("relay", 1.10)]
        case .medium:
            title = "10 KiB bodies"
            bytes = 10 * 1024
            self.connections = connections
            goals = [("haproxy", 0.80), ("nginx", 0.80), ("relay", 1.10)]
        case .bulk:
            title = "1 MiB bodies"
            bytes = 1024 * 1024
            self.connections = min(connections, 8)
            goals = [("haproxy", 1)]
        case .tls:
            title = "128-byte bodies under TLS"
            isSecure = true
            self.connections = connections
            goals = [("haproxy", 0.90)]
        case .handshakes, .latency, .syscalls, .idle, .routing: return nil
        }
    }
}
