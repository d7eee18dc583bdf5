import FoundationEssentials
import Testing

@testable import Metrics
@testable import Peer

/// The JSON of a sample.
@Suite struct SampleDocumentTests {
    private func text(_ sample: Sample) throws -> String {
        String(decoding: try #require(JSONForm.bytes(SampleDocument(sample))), as: UTF8.self)
    }

    @Test func whatIsUnknownIsNull() throws {
        #expect(
            try text(Sample()) == """
                {"allowance":null,"cpu":{"busy":null,"cores":null,"iowait":null,"steal":null},"disks":null,"filesystems":null,\
                "load":null,"memory":{"available_bytes":null,"total_bytes":null,"used":null},"network":null,"paging":null,\
                "pressure":{"cpu":null,"io":null,"memory":null},"processors":null,"read_us":0,"self_cpu":null,"top":null}
                """)
    }

    @Test func whatIsKnownIsRoundedAndNamed() throws {
        var sample = Sample()
        sample.cpu = 0.310_04
        sample.steal = 0
        sample.cores = 8
        sample.load = LoadAverage(oneMinute: 1.5, fiveMinutes: 1, fifteenMinutes: 0.25)
        sample.pressure.cpu = PressureStall(
            someLine: .init(tenSeconds: 1.5, sixtySeconds: 1, threeHundredSeconds: 0, totalMicroseconds: 7))
        sample.slow.consumers = [Consumer(pid: 7, name: "<b>\u{1F648}", cores: 1.23456, residentBytes: 9)]
        sample.slow.filesystems = [
            FilesystemReading(
                mountPoint: "/dead", device: "srv:/x", type: "nfs4", isReadOnly: false, space: nil)
        ]
        sample.readMicroseconds = 74
        let text = try text(sample)
        #expect(text.contains("\"cpu\":{\"busy\":0.31,\"cores\":8,\"iowait\":null,\"steal\":0}"))
        #expect(text.contains("\"load\":[1.5,1,0.25]"))
        #expect(text.contains("\"some_avg10\":1.5,\"some_avg300\":0,\"some_avg60\":1,\"some_total_us\":7"))
        #expect(text.contains("\"full_avg10\":null"))
        #expect(text.contains("\"cores\":1.2346,\"name\":\"<b>\u{1F648}\",\"pid\":7"))
        #expect(text.contains("\"mount_point\":\"/dead\"") && text.contains("\"total_bytes\":null"))
        #expect(text.contains("\"read_us\":74"))
        let back = try JSONForm.document(SampleDocument.self, from: Array(text.utf8))
        #expect(back == SampleDocument(sample))
    }
}
