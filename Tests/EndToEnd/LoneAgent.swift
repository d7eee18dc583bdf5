import Fixtures
import Glibc

/// An agent without an application and without others, with a Redis of its own and a folder that goes with it.
final class LoneAgent {
    let folder: String
    let redis: RedisServer
    let port: UInt16
    let apiPort: UInt16

    /// Where its configuration is.
    var path: String { "\(folder)/troop.yaml" }
    /// What tells commands which agent they are for.
    var environment: [String] { ["TROOP_SOCKET=\(folder)/agent.sock"] }

    /// Starts Redis; the agent starts when it is told to.
    init() throws {
        var template = Array("/tmp/troop-lone-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Program.Fault(description: "mkdtemp") }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        redis = try RedisServer()
        port = try RedisServer.freePort()
        apiPort = try RedisServer.freePort()
    }

    deinit { RedisServer.removeFolder(folder) }

    /// A configuration whose files are in `folder`; `proxy` are further lines for its section.
    static func configuration(
        in folder: String, redis: UInt16, api: UInt16, port: UInt16, proxy: [String] = []
    ) -> String {
        """
        cluster: test
        host: {name: a, address: 127.0.0.1}
        state: \(folder)/state
        redis: {url: "redis://127.0.0.1:\(redis)/0"}
        election: {quarantine: 1100ms}
        api: {listen: "127.0.0.1:\(api)", socket: \(folder)/agent.sock}
        proxy:
          listen: "127.0.0.1:\(port)"
        \(proxy.map { "  \($0)\n" }.joined())
        """
    }

    /// Starts the agent; `proxy` are further lines for that section of its configuration.
    func start(proxy: [String]) throws -> Program {
        try Ensemble.write(
            LoneAgent.configuration(in: folder, redis: redis.port, api: apiPort, port: port, proxy: proxy),
            to: path)
        return try Program(["agent", "--config", path], log: "\(folder)/agent.log")
    }
}
