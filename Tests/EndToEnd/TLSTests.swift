import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// A real agent that speaks TLS.
@Suite(.serialized) struct TLSTests {
    private func certificate(_ name: String, in folder: String) throws {
        try RedisServer.runToEnd(
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-days", "2", "-subj", "/CN=\(name)", "-keyout", "\(folder)/\(name).key", "-out",
                "\(folder)/\(name).pem", "-addext", "subjectAltName=DNS:\(name).test,IP:127.0.0.1",
            ], log: "\(folder)/log")
    }

    /// The answer to a request that trusts one certificate; empty when there is none.
    private func ask(_ port: UInt16, trusting name: String, in folder: String) -> String {
        (try? RedisServer.runToEnd(
            [
                "curl", "-s", "-o", "\(folder)/answer", "--cacert", "\(folder)/\(name).pem",
                "https://127.0.0.1:\(port)/",
            ],
            log: "\(folder)/log")) == nil ? "" : Program.text(of: "\(folder)/answer")
    }

    @Test(.timeLimit(.minutes(2))) func certificatesAreReplacedOnAHangup() async throws {
        let lone = try LoneAgent()
        let folder = lone.folder
        try certificate("old", in: folder)
        try certificate("new", in: folder)
        for kind in ["pem", "key"] {
            try RedisServer.runToEnd(
                ["cp", "\(folder)/old.\(kind)", "\(folder)/site.\(kind)"], log: "\(folder)/log")
        }
        let secure = try RedisServer.freePort()
        let agent = try lone.start(
            proxy: [
                "workers: 1",
                "tls: {listen: \"127.0.0.1:\(secure)\", certificates: [\(folder)/site.pem], keys: [\(folder)/site.key]}",
            ])
        let isServed = await eventually {
            ask(secure, trusting: "old", in: folder).contains("no server is active")
        }
        #expect(isServed, "\(agent.output)")
        #expect(ask(secure, trusting: "new", in: folder).isEmpty)
        // A key that another certificate is for changes nothing.
        try RedisServer.runToEnd(["cp", "\(folder)/new.key", "\(folder)/site.key"], log: "\(folder)/log")
        agent.signal(SIGHUP)
        let isKept = await eventually { agent.output.contains("does not belong to the certificate") }
        #expect(isKept, "\(agent.output)")
        #expect(ask(secure, trusting: "old", in: folder).contains("no server is active"))
        try RedisServer.runToEnd(["cp", "\(folder)/new.pem", "\(folder)/site.pem"], log: "\(folder)/log")
        agent.signal(SIGHUP)
        let isNew = await eventually {
            ask(secure, trusting: "new", in: folder).contains("no server is active")
        }
        #expect(isNew, "\(agent.output)")
        #expect(agent.output.contains("was replaced (new.test)"))
        agent.signal(SIGTERM)
        #expect(agent.wait() == 0, "\(agent.output)")
        // At the start the same is a fault, on one line that names the files.
        try RedisServer.runToEnd(["cp", "\(folder)/old.key", "\(folder)/site.key"], log: "\(folder)/log")
        let run = try Program.run(["agent", "--config", lone.path])
        #expect(run.code == 1)
        #expect(
            run.output.contains("\(folder)/site.key does not belong to the certificate \(folder)/site.pem"))
    }
}
