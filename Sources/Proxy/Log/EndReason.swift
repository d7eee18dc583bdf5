/// Why an exchange ended, as the access log says it.
enum EndReason: UInt8, BitwiseCopyable, CaseIterable {
    /// Not known yet; a connection that ends so was ended by its client.
    case none
    case done
    case clientGone
    case refused
    case noServer
    case proxyLimit
    case queueFull
    case stopped
    case serverRefused
    case serverClosed
    case serverMalformed
    case serverCut
    case timeoutHead
    case timeoutRequestBody
    case timeoutQueue
    case timeoutConnect
    case timeoutFirstByte
    case timeoutResponseBody
    case timeoutClientRead
    case timeoutTotal
    case serverHandshake
    case timeoutUpgradeIdle
    /// An upgraded connection whose server takes nothing new, or that was told to go.
    case drained

    /// The word in the log. `refused` and `server_malformed` are followed by a colon and what was wrong.
    var word: StaticString {
        switch self {
        case .none, .clientGone: "client_gone"
        case .done: "done"
        case .refused: "refused"
        case .noServer: "no_server"
        case .proxyLimit: "proxy_limit"
        case .queueFull: "queue_full"
        case .stopped: "stopped"
        case .serverRefused: "server_refused"
        case .serverClosed: "server_closed"
        case .serverMalformed: "server_malformed"
        case .serverCut: "server_cut"
        case .timeoutHead: "timeout_head"
        case .timeoutRequestBody: "timeout_request_body"
        case .timeoutQueue: "timeout_queue"
        case .timeoutConnect: "timeout_connect"
        case .timeoutFirstByte: "timeout_first_byte"
        case .timeoutResponseBody: "timeout_response_body"
        case .timeoutClientRead: "timeout_client_read"
        case .timeoutTotal: "timeout_total"
        case .serverHandshake: "server_handshake"
        case .timeoutUpgradeIdle: "timeout_upgrade_idle"
        case .drained: "drained"
        }
    }

    /// The reason that a lost server gives.
    init(_ loss: ServerLoss) {
        self =
            switch loss {
            case .connectFailed: .serverRefused
            case .connectImpossible: .proxyLimit
            case .connectTimeout: .timeoutConnect
            case .handshakeFailed: .serverHandshake
            case .closed: .serverClosed
            case .silent: .timeoutFirstByte
            case .malformed: .serverMalformed
            case .brokenOff: .serverCut
            }
    }
}
