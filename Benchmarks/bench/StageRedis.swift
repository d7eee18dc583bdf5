/// A Redis of a benchmark's own.
extension Stage {
    /// Starts Redis on a port of loopback, with its data in a folder, and waits until it answers.
    func startRedis(
        _ name: String, port: UInt16, data: String, on core: Int?, appendOnly: Bool = false
    ) throws(BenchFault) -> Child {
        let words = [
            try Contender.program("redis-server"), "--port", "\(port)", "--bind", "127.0.0.1", "--save", "",
            "--appendonly", appendOnly ? "yes" : "no", "--dir", data,
        ]
        let child = try start(name, words, on: core)
        let isReady = try Loopback.wait(seconds: 10) { () throws(BenchFault) in
            try expectRunning(child)
            return Loopback.exchange("PING\r\nQUIT\r\n", port: port)?.starts(with: "+PONG".utf8) ?? false
        }
        guard isReady else { throw BenchFault("redis-server does not answer:\n\(child.output)") }
        return child
    }

    /// Starts Redis on a free port, and tells which.
    func startRedis(_ name: String, on core: Int?) throws(BenchFault) -> UInt16 {
        let port = try Loopback.freePort()
        let data = "\(folder)/\(name)"
        try Folder.make(data)
        _ = try startRedis(name, port: port, data: data, on: core)
        return port
    }
}
