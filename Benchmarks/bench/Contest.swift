import Glibc

/// The backend and all contenders, running and warm.
struct Contest {
    static let warmUpSecondsMax = 2

    let stage: Stage
    let machine: Machine
    let options: ProxyOptions
    let backend: BackendLink
    let contenders: [Contender]
    let children: [Child]

    /// Connections of clients that contenders have room for, where they do not rest by the thousand.
    static let connections = 4096

    /// Starts backend and contenders, and prints which they are.
    init(_ options: ProxyOptions, stage: Stage, machine: Machine) throws(BenchFault) {
        (self.options, self.stage, self.machine) = (options, stage, machine)
        _ = try Contender.program("wrk")
        backend = try Contest.startBackend(stage, on: machine.helpers)
        contenders = try Contender.all(
            on: stage, core: machine.measured,
            Contender.Terms(
                backend: backend.port, rivals: options.rivals, connections: Contest.connections))
        for contender in contenders {
            Bench.say("  \(contender.name): \(contender.version); access log: \(contender.accessLog)")
        }
        children = try contenders.map { contender throws(BenchFault) in
            try Contest.start(contender, stage, machine)
        }
    }

    /// Starts the backend on one core.
    static func startBackend(_ stage: Stage, on core: Int) throws(BenchFault) -> BackendLink {
        let link = BackendLink(port: try Loopback.freePort(), control: try Loopback.freePort())
        let words = [
            "\(Bench.programs())/bench-backend", "127.0.0.1:\(link.port)", "127.0.0.1:\(link.control)",
        ]
        let child = try stage.start("backend", words, on: core)
        let isReady = try Loopback.wait(seconds: 5) { () throws(BenchFault) in
            try stage.expectRunning(child)
            return (try? link.takeLedger()) != nil
        }
        guard isReady else { throw BenchFault("the backend does not answer:\n\(child.output)") }
        return link
    }

    static func start(_ contender: Contender, _ stage: Stage, _ machine: Machine) throws(BenchFault) -> Child
    {
        let child = try stage.start(contender.name, contender.words, on: machine.measured)
        let isReady = try Loopback.wait(seconds: 10) { () throws(BenchFault) in
            try stage.expectRunning(child)
            return Loopback.status(of: "/", port: contender.port) == 200
        }
        guard isReady else {
            throw BenchFault("\(contender.name) does not answer 200 through the backend:\n\(child.output)")
        }
        return child
    }

    /// The place of a contender in the lists.
    func place(of name: String) -> Int? { contenders.firstIndex { $0.name == name } }
}
