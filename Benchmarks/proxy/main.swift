// Troop's proxy alone, before one backend: what the benchmark compares with other proxies.
import Glibc
import Linux
import Proxy

private let usage = """
    usage: bench-proxy --listen ADDRESS:PORT --backend ADDRESS:PORT [--workers N] [--log FILE]
        [--log-format logfmt|json] [--request-id true|false] [--tls ADDRESS:PORT --certificate FILE --key FILE]
        [--connections N]
           bench-proxy --routing SERVERS   measures picks and publications with a list of that length
    """
private var listen: SocketAddress?
private var backend: SocketAddress?
private var workers = 1
private var log: AccessLogSettings?
private var format = AccessLogSettings.Format.logfmt
private var requestID = false
private var connections: Int?
private var routing: Int?
private var secureListen: SocketAddress?
private var files = CertificateFiles(certificate: "", key: "")

private func stop(_ reason: String, code: Int32 = 1) -> Never {
    print("bench-proxy: \(reason)")
    exit(code)
}

do {
    var words = CommandLine.arguments.dropFirst()
    while let option = words.popFirst() {
        guard let value = words.popFirst() else { stop(usage, code: 64) }
        switch option {
        case "--listen": listen = try SocketAddress(value)
        case "--backend": backend = try SocketAddress(value)
        case "--workers": workers = Int(value) ?? 0
        case "--log": log = AccessLogSettings(.file(value))
        case "--log-format":
            guard let word = AccessLogSettings.Format(rawValue: value) else { stop(usage, code: 64) }
            format = word
        case "--request-id": requestID = value == "true"
        case "--tls": secureListen = try SocketAddress(value)
        case "--certificate": files.certificate = value
        case "--key": files.key = value
        case "--connections": connections = Int(value)
        case "--routing": routing = Int(value)
        default: stop(usage, code: 64)
        }
    }
    if let routing {
        try measureRouting(servers: routing)
        exit(0)
    }
    guard let listen, let backend, (1...64).contains(workers) else { stop(usage, code: 64) }

    _ = signal(SIGPIPE, SIG_IGN)
    var ending = sigset_t()
    sigemptyset(&ending)
    for signal in [SIGINT, SIGTERM] { sigaddset(&ending, signal) }
    pthread_sigmask(SIG_BLOCK, &ending, nil)  // before the workers start: they inherit it

    var settings = ProxySettings(listen: listen, workers: workers)
    settings.idlePerServer = 1024  // as the rivals have it: no connection is closed for want of room
    if let connections { settings.connectionsPerWorker = connections }
    log?.format = format
    settings.accessLog = log
    settings.forwarding.requestID = requestID
    if let secureListen { settings.tls = ClientTLSSettings(listen: secureListen, certificates: [files]) }
    let proxy = try Proxy(settings, report: { print("bench-proxy: \($0)") })
    proxy.publish([
        RoutedServer(address: backend, host: "bench", state: .active, weight: 100)
    ])
    try proxy.open()
    var signal: Int32 = 0
    sigwait(&ending, &signal)
    proxy.close()
    proxy.stop()
} catch {
    stop("\(error)")
}
