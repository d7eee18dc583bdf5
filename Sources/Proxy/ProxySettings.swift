package import HTTP
package import Linux

/// What a proxy listens on and what it allows.
package struct ProxySettings: Sendable, Equatable {
    /// The address to listen on; port 0 lets the kernel choose.
    package var listen: SocketAddress
    /// The number of worker threads, each bound to a core of its own.
    package var workers: Int
    /// Client connections that one worker serves at a time; more are answered 503 and closed.
    package var connectionsPerWorker = 16_384
    /// Memory for bytes in flight that one worker may use; beyond it requests are answered 503.
    package var bufferBytesPerWorker = 256 * 1024 * 1024
    /// Idle connections that one worker keeps to one server.
    package var idlePerServer = 1024
    /// How requests are shared out among servers.
    package var balancing = BalancingSettings()
    /// What a request's or response's head may measure.
    package var head = HeadLimits()
    /// Where requests are logged; nil logs none.
    package var accessLog: AccessLogSettings?
    /// What servers are told of clients, and who is believed.
    package var forwarding = ForwardingSettings()

    /// From a request's first byte (or the connection's start) to the end of its head.
    package var clientHeadMilliseconds: Int64 = 10_000
    /// Between two requests of a client.
    package var clientIdleMilliseconds: Int64 = 60_000
    /// For a connection to a server to be made.
    package var connectMilliseconds: Int64 = 1_000
    /// From the request's end to the first byte of the server's response.
    package var firstByteMilliseconds: Int64 = 30_000
    /// Without progress of a request's body.
    package var requestBodyMilliseconds: Int64 = 30_000
    /// Without progress of a response's body.
    package var responseBodyMilliseconds: Int64 = 30_000
    /// How long an idle connection to a server is kept; below the 5 s at which many servers close theirs.
    package var serverIdleMilliseconds: Int64 = 4_000
    /// Requests that could not be sent again take no connection to a server that has rested as long as this: hardly any
    /// server ends its connections sooner, and one that ends as the request arrives loses it.
    package var restedMilliseconds: Int64 = 1_000
    /// How long a closing connection is read on, so that the last answer is not lost to a reset.
    package var lingerMilliseconds: Int64 = 2_000
    /// How long a client may stay idle once the proxy drains.
    package var drainIdleMilliseconds: Int64 = 1_000

    /// What a single client or exchange may take.
    package var defence = DefenceSettings()

    /// TLS with clients, on an address of its own; nil: none.
    package var tls: ClientTLSSettings?
    /// TLS with servers; nil: plain HTTP.
    package var serverTLS: ServerTLSSettings?

    /// Protocols that requests may upgrade their connections to.
    package var upgrades = UpgradeSettings()

    /// Settings with the defaults for everything but the address and the number of workers.
    package init(listen: SocketAddress, workers: Int) {
        self.listen = listen
        self.workers = workers
    }
}
