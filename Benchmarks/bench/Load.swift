/// One run of wrk: a fixed request, over and over, on connections that are kept.
struct Load {
    /// What wrk told at the end.
    struct Result: Equatable {
        let requests: Int
        let seconds: Double
        let p50Milliseconds: Double
        let p99Milliseconds: Double
        /// Socket errors and answers of status 400 and above.
        let errors: Int

        /// Reads the line that `load.lua` prints; nil when there is none.
        init?(_ output: String) {
            let line = output.split(separator: "\n").last { $0.hasPrefix("summary ") }
            let numbers = (line ?? "").split(separator: " ").dropFirst().compactMap { Int($0) }
            guard numbers.count == 9, numbers[1] > 0 else { return nil }
            requests = numbers[0]
            seconds = Double(numbers[1]) / 1e6
            p50Milliseconds = Double(numbers[2]) / 1e3
            p99Milliseconds = Double(numbers[3]) / 1e3
            errors = numbers[4...].reduce(0, +)
        }
    }

    let connections: Int
    let seconds: Int
    let rivals: String
    /// Bytes of the answer's body.
    var bytes = 128
    var isSecure = false
    /// Milliseconds that each connection rests between two requests, on average; nil: none.
    var pause: Double?

    /// Runs wrk against a port; throws when it fails or any request did.
    func run(on stage: Stage, core: Int, port: UInt16, seconds: Int? = nil) throws(BenchFault) -> Result {
        let seconds = seconds ?? self.seconds
        let words =
            [
                "wrk", "-t1", "-c\(connections)", "-d\(seconds)s", "-s",
                "\(rivals)/\(pause == nil ? "load" : "paced").lua",
                "-H", "Host: bench.test", "-H", "User-Agent: bench", "-H", "Accept: */*",
                "\(isSecure ? "https" : "http")://127.0.0.1:\(port)/bench?size=\(bytes)",
            ] + (pause.map { ["--", $0.text(places: 3)] } ?? [])
        let output = try stage.output(of: "wrk", words, on: core, withinSeconds: seconds + 15)
        guard let result = Result(output) else { throw BenchFault("wrk's output cannot be read:\n\(output)") }
        guard result.errors == 0, result.requests > 0 else {
            throw BenchFault("\(result.errors) requests failed, \(result.requests) were answered:\n\(output)")
        }
        return result
    }
}
