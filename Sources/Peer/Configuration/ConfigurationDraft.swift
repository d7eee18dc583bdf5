import Linux
import Proxy
import Remediation
import Store

/// The options as they were given, before defaults that depend on the machine or on each other.
struct ConfigurationDraft: Sendable {
    var cluster: String?
    var hostName: String?
    var hostAddress: String?
    var peerListen: SocketAddress?
    var state = ""
    var redisURL: StoreURL?
    var redisUser: String?
    var redisPassword: Secret?
    var redisPasswordFile: String?
    var tls = Configuration.TLS(verify: true)
    var sentinel = SentinelDraft()
    var failover = FailoverDraft()
    var apiListen: SocketAddress?
    var apiSocket = ""
    var apiTokenFile: String?
    var apiHosts: [String] = []
    var serverListen: SocketAddress?
    var serverHealth = ""
    var serverWeight = 0
    var proxyListen: SocketAddress?
    var proxyWorkers: Int?
    var proxyRun = Configuration.Proxy.Run.leader
    var maxConnections = 0
    var handoverDrain: Int64 = 0
    var limits = Configuration.Proxy.Limits()
    var healthInterval: Int64 = 0
    var healthTimeout: Int64 = 0
    var rise = 0
    var fall = 0
    var connectTimeout: Int64 = 0
    var firstByteTimeout: Int64 = 0
    var idleTimeout: Int64 = 0
    var headTimeout: Int64 = 0
    var bodyTimeout: Int64 = 0
    var balancing = BalancingSettings()
    var defence = DefenceSettings()
    var healthStatus = 200..<400
    var healthBody: String?
    var accessLogPath: String?
    var accessLogFormat = AccessLogSettings.Format.logfmt
    var forwarding = ForwardingSettings()
    var clientTLS = ClientTLS()
    var serverTLS = ServerTLS()
    var upgrades = UpgradeSettings()
    var ttl: Int64 = 0
    var renew: Int64 = 0
    var commandTimeout: Int64 = 0
    var quarantine: Int64?
    var priority = 0
    var neverLeads = false
    var metrics = MetricsDraft()
    var provider = ProviderDraft()
    var logLevel = Configuration.Log.Level.info
    var remediation = RemediationSettings()
    var rebootCommand: [String]?
    var bootIDFile: String?
    var serverUnit: String?
    var startCommand: [String]?

    /// `proxy.tls` as it was given.
    struct ClientTLS: Sendable {
        var listen: SocketAddress?
        var certificates: [String] = []
        var keys: [String] = []
        var minimum = TLSVersion.tls12
        var redirects = false
        var redirectPort: Int?
    }

    /// `proxy.server_tls` as it was given.
    struct ServerTLS: Sendable {
        var isEnabled = false
        var settings = ServerTLSSettings()
        var certificate: String?
        var key: String?
    }
}
