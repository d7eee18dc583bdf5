import Fixtures
import Glibc
import Linux
import Testing

@testable import Peer

@Suite struct AgentLogTests {
    /// What is in a pipe until nothing comes for a while.
    private func drain(_ descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, 1000) > 0 else { break }
            let count = read(descriptor, &chunk, chunk.count)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(.timeLimit(.minutes(1))) func aReaderThatStallsHoldsUpNobodyAndWhatIsLostIsCounted() async throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        let log = try AgentLog(descriptor: ends[1])
        log.write("first\n")
        log.flush(withinMilliseconds: 10_000)
        let line = String(repeating: "x", count: 99) + "\n"
        let count = 3 * AgentLog.waitingBytesMax / line.utf8.count
        for _ in 0..<count { log.write(line) }
        // The end of an agent is not held up for ever either.
        log.flush(withinMilliseconds: 10)
        let lines = drain(ends[0]).split(separator: "\n")
        #expect(lines.first == "first")
        let whole = lines.filter { $0 == line.dropLast() }.count
        #expect(whole > AgentLog.waitingBytesMax / line.utf8.count && whole < count)
        let told = lines.filter { $0.contains("lines of this log were lost") }
        #expect(
            told == [
                "warning troop: lines=\(count - whole) [Peer] lines of this log were lost: nobody read it"
            ])
        #expect(lines.count == 1 + whole + told.count, "no line is torn")
        log.write("last\n")
        #expect(drain(ends[0]) == "last\n")
        _ = close(ends[0])
    }
}
