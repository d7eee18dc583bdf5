/// Picks and publications with a long list, measured inside the proxy.
struct RoutingBench {
    static let servers = 10_000
    static let pickNanosecondsMax = 100.0
    static let publishMillisecondsMax = 5.0
    static let seconds = 60

    private let stage: Stage
    private let machine: Machine

    init(stage: Stage, machine: Machine) { (self.stage, self.machine) = (stage, machine) }

    /// Measures and prints.
    func run() throws(BenchFault) {
        Bench.say("\n# routing: \(RoutingBench.servers) servers, 2 workers")
        // Both cores: workers take lists over while another thread makes them.
        let output = try stage.output(
            of: "routing", ["\(Bench.programs())/bench-proxy", "--routing", String(RoutingBench.servers)],
            on: nil, withinSeconds: RoutingBench.seconds)
        for line in output.split(separator: "\n") {
            let words = line.split(separator: " ")
            let numbers = words.compactMap { Double($0) }
            if words.first == "pick", words.count == 4, let nanoseconds = numbers.first {
                Goal.say(
                    "nanoseconds for a pick by \(words[1])", nanoseconds,
                    atMost: RoutingBench.pickNanosecondsMax, places: 1)
            } else if words.first == "publish", numbers.count == 2 {
                Goal.say(
                    "milliseconds until all workers have a changed list (median; the longest took "
                        + "\(numbers[1].text(places: 2)))", numbers[0],
                    atMost: RoutingBench.publishMillisecondsMax, places: 2)
            }
        }
    }
}
