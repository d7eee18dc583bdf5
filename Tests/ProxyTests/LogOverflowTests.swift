import Glibc
import Linux
import Metrics
import Proxy
import Testing

/// An access log that takes lines more slowly than they come.
@Suite(.timeLimit(.minutes(2))) struct LogOverflowTests {
    private static let requestsMax = 50_000

    @Test func aFullRingDropsLinesAndTheProxyGoesOn() throws {
        // Whatever the log's thread still has in hand when the pipe's reader is gone must not end the tests.
        _ = signal(SIGPIPE, SIG_IGN)
        var template = Array("/tmp/troop-log-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let pipe = folder + "/access.log"
        defer {
            _ = unlink(pipe)
            _ = rmdir(folder)
        }
        #expect(mkfifo(pipe, 0o600) == 0)
        let reader = open(pipe, O_RDONLY | O_NONBLOCK)
        try #require(reader >= 0)
        defer { _ = close(reader) }
        let backend = try Backend.echoing("x")
        let rig = try Rig([backend.address]) {
            var log = AccessLogSettings(.file(pipe))
            log.ringBytes = 1
            $0.accessLog = log
        }
        let wire = rig.connect()
        let request =
            "GET /" + String(repeating: "a", count: 1000) + " HTTP/1.1\r\nHost: x.test\r\n\r\n"
        var answered = 0
        while answered < LogOverflowTests.requestsMax, rig.proxy.snapshot().listener.logDropped == 0 {
            wire.send(request)
            try #require(wire.readMessage()?.text == "x")
            answered += 1
        }
        #expect(rig.proxy.snapshot().listener.logDropped > 0)
        for _ in 0..<100 {
            wire.send(request)
            try #require(wire.readMessage()?.text == "x")
        }
        rig.proxy.stop()
        let snapshot = rig.proxy.snapshot()
        let text = String(decoding: MetricsText.bytes(of: ProxyMetrics.families(snapshot)), as: UTF8.self)
        let dropped = "\(snapshot.listener.logDropped)"
        let series = "\ntroop_proxy_log_lines_dropped_total{reason=\"ring_full\"}"
        #expect(text.contains("\(series) \(dropped)\n"), "\(text)")
    }
}
