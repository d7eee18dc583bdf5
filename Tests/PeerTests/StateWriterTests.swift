import Fixtures
import Glibc
import Linux
import Peer
import Synchronization
import Testing

@Suite struct StateWriterTests {
    /// A disk that hangs until it is let go.
    private final class Disk: Sendable {
        private let hangs = Mutex(true)
        let begun = Record<String>()

        func write(_ name: String) {
            begun.add(name)
            while hangs.withLock({ $0 }) { _ = usleep(1000) }
        }

        func letGo() { hangs.withLock { $0 = false } }
    }

    @Test func aDiskThatHangsHoldsUpNobodyAndTheNewestIsWritten() async {
        let (writer, disk) = (StateWriter(), Disk())
        let begin = Instant.now()
        writer.write("a") { () throws(SystemFault) in disk.write("a1") }
        #expect(await eventually { disk.begun.all == ["a1"] })
        writer.write("b") { () throws(SystemFault) in disk.write("b1") }
        writer.write("a") { () throws(SystemFault) in disk.write("a2") }
        writer.write("b") { () throws(SystemFault) in disk.write("b2") }
        #expect(Instant.now().milliseconds(since: begin) < 5000)
        #expect(!writer.isIdle)
        disk.letGo()
        #expect(await eventually { writer.isIdle })
        #expect(disk.begun.all == ["a1", "a2", "b2"])
    }

    @Test func aFaultIsToldOnceAndSoIsItsEnd() async {
        let writer = StateWriter()
        let told = Record<Int32?>()
        for code in [ENOSPC, ENOSPC, EROFS, 0, 0] {
            writer.write(
                "a", onChange: { told.add($0?.code) },
                { () throws(SystemFault) in if code != 0 { throw SystemFault("write", code: code) } })
            #expect(await eventually { writer.isIdle })
            #expect(writer.fault(of: "a")?.code ?? 0 == code)
        }
        #expect(told.all == [ENOSPC, EROFS, nil])
        #expect(writer.fault(of: "b") == nil)
    }
}
