import HTTP

/// The settings as a worker uses them: nanoseconds and plain numbers.
struct WorkerLimits: BitwiseCopyable {
    let head: HeadLimits
    let idlePerServer: Int32
    let clientHead: Int64
    let clientIdle: Int64
    let connect: Int64
    let firstByte: Int64
    let requestBody: Int64
    let responseBody: Int64
    let serverIdle: Int64
    let linger: Int64
    let drainIdle: Int64
    /// The plain listener sends clients to the TLS one.
    let redirects: Bool
    let upgradeIdle: Int64

    init(_ settings: ProxySettings) {
        head = settings.head
        idlePerServer = Int32(clamping: settings.idlePerServer)
        clientHead = settings.clientHeadMilliseconds * 1_000_000
        clientIdle = settings.clientIdleMilliseconds * 1_000_000
        connect = settings.connectMilliseconds * 1_000_000
        firstByte = settings.firstByteMilliseconds * 1_000_000
        requestBody = settings.requestBodyMilliseconds * 1_000_000
        responseBody = settings.responseBodyMilliseconds * 1_000_000
        serverIdle = settings.serverIdleMilliseconds * 1_000_000
        linger = settings.lingerMilliseconds * 1_000_000
        drainIdle = settings.drainIdleMilliseconds * 1_000_000
        upgradeIdle = settings.upgrades.idleMilliseconds * 1_000_000
        redirects = settings.tls?.redirects ?? false
    }
}
