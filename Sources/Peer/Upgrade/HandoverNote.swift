import Glibc

/// What an agent tells the program that is to follow it: which descriptors are which listening socket, and where the
/// two talk. It travels as JSON in the environment.
struct HandoverNote: Codable, Equatable {
    /// The environment's variable.
    static let variable = "TROOP_HANDOVER"
    /// Longer notes are not read, in bytes: 256 workers' sockets fit ten times.
    static let bytesMax = 16 * 1024

    /// The names under which sockets are left.
    enum Name: String, CaseIterable {
        case proxy
        case proxyTLS = "proxy.tls.listen"
        case api = "api.listen"
        case socket = "api.socket"
    }

    /// The process that leaves them: a note that somebody else inherits by mistake is not for it.
    var parent: Int32
    /// A stream socket: one line of JSON from the successor (`SuccessorWord`), then lines of one word to it (`Cue`).
    var control: Int32
    /// The sockets by name; a name without sockets may be missing.
    var listeners: [String: [Int32]]

    /// The sockets left under a name.
    func sockets(_ name: Name) -> [Int32] { listeners[name.rawValue] ?? [] }

    /// Every descriptor that is inherited.
    var descriptors: [Int32] { [control] + listeners.values.flatMap { $0 } }
}

/// What the successor says when it is ready, or why it will never be.
struct SuccessorWord: Codable, Equatable {
    var version: String
    /// The number of servers it would route to.
    var servers: Int
    /// Why it gives up; nil when it is ready.
    var fault: String?
}

/// What the successor is told, in this order.
enum Cue: String {
    /// The sockets are yours: accept.
    case serve
    /// The lease was released for your host: stand for election, report, answer the API.
    case lead
}
