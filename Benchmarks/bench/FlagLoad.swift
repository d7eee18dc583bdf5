import ArgumentParser
import CLinux
import Glibc
import Linux
import Synchronization

/// Asks an agent for a flag at a steady pace, whether or not it keeps up, and tells how long answers took from the moment at which
/// each request was due.
struct FlagLoad: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "flag-load", shouldDisplay: false)

    @Option var port: UInt16
    @Option var rate = 5000
    @Option var seconds = 5
    @Option var connections = 8
    /// Asks a bare server instead, which answers a GET with anything at once.
    @Flag var bare = false

    private static let body =
        #"{"context":{"targetingKey":"user-4711","email":"a@faas.com","plan":"premium","age":42,"version":"1.4.2","tags":["x","y"]}}"#
    private static let waitSeconds = 5

    func run() throws {
        // As prctl(PR_SET_TIMERSLACK), for the threads that are started from here.
        try TextFile.write("1", to: "/proc/self/timerslack_ns")
        let latencies = Mutex<[Int64]>([])
        let failures = Atomic(0)
        let start = Instant.now().advanced(milliseconds: 100)
        let threads = try (0..<connections).map { index in
            try Thread.start(named: "load-\(index)") { [self] in
                guard let own = ask(index, from: start) else {
                    failures.wrappingAdd(1, ordering: .relaxed)
                    return
                }
                latencies.withLock { $0 += own }
            }
        }
        for thread in threads { thread.join() }
        let sorted = latencies.withLock { $0.sorted() }
        guard failures.load(ordering: .relaxed) == 0, !sorted.isEmpty else {
            print("failed: some request had no answer with a value")
            throw ExitCode.failure
        }
        func at(_ share: Double) -> Int64 {
            sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))] / 1000
        }
        print("summary \(sorted.count) \(at(0.5)) \(at(0.99)) \(at(0.999)) \(at(1))")
    }

    /// One connection's share of the requests; nil when one of them failed.
    private func ask(_ index: Int, from start: Instant) -> [Int64]? {
        let link = Descriptor(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0))
        guard link.raw >= 0, let address = try? SocketAddress(host: "127.0.0.1", port: port),
            address.withSockaddr({ connect(link.raw, $0, $1) }) == 0
        else { return nil }
        var one: Int32 = 1
        setsockopt(link.raw, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        var limit = timeval(tv_sec: FlagLoad.waitSeconds, tv_usec: 0)
        setsockopt(link.raw, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let plain = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: python-requests/2.34\r\n\r\n"
        let evaluation =
            """
            POST /ofrep/v1/evaluate/flags/flag-7 HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: python-requests/2.34\r\n\
            Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nContent-Type: application/json\r\n\
            Content-Length: \(FlagLoad.body.utf8.count)\r\n\r\n\(FlagLoad.body)
            """
        let request = Array((bare ? plain : evaluation).utf8)
        let interval = 1_000_000_000 / Int64(rate)
        var latencies: [Int64] = []
        var answer = [UInt8](repeating: 0, count: 4096)
        for turn in 0..<(rate * seconds / connections) {
            let due = start.nanoseconds + Int64(turn * connections + index) * interval
            var time = timespec(tv_sec: Int(due / 1_000_000_000), tv_nsec: Int(due % 1_000_000_000))
            while clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &time, nil) == EINTR {}
            guard send(link.raw, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
                return nil
            }
            let count = recv(link.raw, &answer, answer.count, 0)
            latencies.append(Instant.now().nanoseconds - due)
            // The answer is short: it comes whole, and ends with the line's end.
            guard count > 0, answer.starts(with: "HTTP/1.1 200".utf8) else { return nil }
            if bare { continue }
            guard answer[count - 1] == UInt8(ascii: "\n"),
                String(decoding: answer[..<count], as: UTF8.self).contains("\"TARGETING_MATCH\"")
            else { return nil }
        }
        return latencies
    }
}
