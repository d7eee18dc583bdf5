import ArgumentParser
import CLinux
import Glibc
import Linux

/// The least that a tick can cost: once a second, two files of `/proc` are read and a hash as large as a report is
/// written in Redis, ready-made, by plain system calls. What is cold by then (caches, the CPU on which Redis sleeps) costs
/// an agent as much.
struct TickFloor: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "tick-floor", shouldDisplay: false)

    /// Fields of a report.
    private static let fields = 33
    private static let fileBytes = 64 * 1024
    private static let waitMilliseconds: Int32 = 1000

    @Option var port: UInt16
    @Option var turns = 15

    func run() throws {
        let link = Descriptor(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0))
        guard let address = try? SocketAddress(host: "127.0.0.1", port: port),
            address.withSockaddr({ connect(link.raw, $0, $1) }) == 0
        else { throw BenchFault("Redis does not take a connection") }
        let stat = Descriptor(owning: open("/proc/stat", O_RDONLY))
        let memory = Descriptor(owning: open("/proc/meminfo", O_RDONLY))
        let request = Array(TickFloor.request.utf8)
        var buffer = [UInt8](repeating: 0, count: TickFloor.fileBytes)
        var costs: [Double] = []
        for _ in 0..<turns {
            sleep(1)
            let began = clinux_thread_cpu_nanoseconds()
            pread(stat.raw, &buffer, buffer.count, 0)
            pread(memory.raw, &buffer, buffer.count, 0)
            guard send(link.raw, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
                throw BenchFault("Redis takes nothing")
            }
            var waiting = pollfd(fd: link.raw, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, TickFloor.waitMilliseconds) == 1,
                recv(link.raw, &buffer, buffer.count, 0) > 0, buffer[0] == UInt8(ascii: ":")
            else { throw BenchFault("Redis does not answer") }
            costs.append(Double(clinux_thread_cpu_nanoseconds() - began) / 1000)
        }
        guard let spread = Spread(costs) else { throw BenchFault("no turn was measured") }
        print("floor \(spread.median) \(spread.least) \(spread.most)")
    }

    private static var request: String {
        let words =
            ["HSET", "bench:floor"]
            + (0..<fields).flatMap { ["field_name_\($0)", "0.\(1000 + $0 * 7)"] }
        return words.reduce("*\(words.count)\r\n") { $0 + "$\($1.utf8.count)\r\n\($1)\r\n" }
    }
}
