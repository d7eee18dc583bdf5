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
    let rested: Int64
    let linger: Int64
    let drainIdle: Int64
    let attemptsMax: Int
    let inFlightMax: Int32
    let queueMax: Int
    let queueWait: Int64
    let slowStart: Int64
    let stickiness: Stickiness
    let counts5xx: Bool
    /// Any server will do for a first attempt.
    let choosesFreely: Bool
    let cookieLength: Int
    let cookieName: StickyCookie.Name
    /// The plain listener sends clients to the TLS one.
    let redirects: Bool
    let upgradeIdle: Int64
    /// 0: none.
    let total: Int64
    /// What upgraded connections have left once their server takes nothing new.
    let serverDrain: Int64

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
        rested = settings.restedMilliseconds * 1_000_000
        linger = settings.lingerMilliseconds * 1_000_000
        drainIdle = settings.drainIdleMilliseconds * 1_000_000
        let balancing = settings.balancing
        let attempts = RetrySettings.attemptsRange
        attemptsMax = min(max(balancing.retries.attemptsMax, attempts.lowerBound), attempts.upperBound)
        inFlightMax = Int32(clamping: balancing.inFlightMax)
        queueMax = balancing.queueMax
        queueWait = balancing.queueMilliseconds * 1_000_000
        slowStart = balancing.slowStartMilliseconds * 1_000_000
        stickiness = balancing.stickiness
        counts5xx = balancing.ejection.counts5xx
        choosesFreely = balancing.stickiness == .none && balancing.inFlightMax == 0
        var name = StickyCookie.Name(repeating: 0)
        var length = 0
        for byte in balancing.cookie.utf8 where length < name.count {
            name[length] = byte
            length += 1
        }
        cookieName = name
        cookieLength = length
        total = settings.defence.totalMilliseconds * 1_000_000
        serverDrain = balancing.drainMilliseconds * 1_000_000
        upgradeIdle = settings.upgrades.idleMilliseconds * 1_000_000
        redirects = settings.tls?.redirects ?? false
    }
}
