import Glibc
import Linux
import Synchronization
import Testing

@testable import Proxy

/// The ring between a worker and the thread of the access log.
@Suite(.timeLimit(.minutes(5))) struct LogRingTests {
    @Test func recordsComeOutAsTheyWentInAndFullRingsRefuse() throws {
        let ring = LogRing(bytes: 16 * 1024)
        var writer = LogWriter(ring, bell: -1)
        var sent = 0
        var received = 0
        for round in 0..<2000 {
            let wanted = round % 3 == 0 ? 200 : 20
            for _ in 0..<wanted {
                let textLength = sent * 37 % 1000
                let length = (MemoryLayout<LogRecord>.stride + textLength + 7) & ~7
                guard let place = writer.reserve(length) else { break }
                var record = LogRecord()
                record.length = UInt32(length)
                record.bytesIn = UInt64(sent)
                record.targetLength = UInt16(textLength)
                place.initializeMemory(as: LogRecord.self, to: record)
                memset(place + MemoryLayout<LogRecord>.stride, Int32(sent & 255), textLength)
                writer.publish(length)
                sent += 1
            }
            ring.drain { record, text in
                #expect(record.pointee.bytesIn == UInt64(received))
                let length = Int(record.pointee.targetLength)
                if length > 0 {
                    #expect(text[0] == UInt8(received & 255) && text[length - 1] == UInt8(received & 255))
                }
                received += 1
            }
            #expect(received == sent)
        }
        #expect(sent > 2000 * 20)
    }

    @Test func aThreadThatReadsSeesEveryRecord() async throws {
        let ring = LogRing(bytes: 64 * 1024)
        let total: UInt64 = 200_000
        let sum = Sum()
        let reader = try Thread.start(named: "reader") {
            var next: UInt64 = 0
            while next < total {
                ring.drain { record, _ in
                    if record.pointee.bytesIn == next { next += 1 }
                }
                sched_yield()
            }
            sum.value.store(next, ordering: .releasing)
        }
        var writer = LogWriter(ring, bell: -1)
        var number: UInt64 = 0
        while number < total {
            let length = MemoryLayout<LogRecord>.stride
            guard let place = writer.reserve(length) else {
                sched_yield()
                continue
            }
            var record = LogRecord()
            record.length = UInt32(length)
            record.bytesIn = number
            place.initializeMemory(as: LogRecord.self, to: record)
            writer.publish(length)
            number += 1
        }
        reader.join()
        #expect(sum.value.load(ordering: .acquiring) == total)
    }

    final class Sum: Sendable { let value = Atomic<UInt64>(0) }
}
