import Glibc
import Linux
import Synchronization

/// Host names to addresses, with deadlines: `getaddrinfo` knows none, so it runs on a detached thread, one a
/// name at a time; whoever waits gives up at his deadline and takes the last good answer, if there is one.
final class NameResolver: Sendable {
    typealias Lookup = @Sendable (_ host: String, _ port: UInt16) -> LookupResult

    enum LookupResult: Sendable, Equatable {
        case found([SocketAddress])
        case failed(String)
    }

    private struct Name: Hashable {
        let host: String
        let port: UInt16
    }

    private struct Entry {
        var lastGood: [SocketAddress] = []
        var lastResult: LookupResult?
        var running = false
        var waiting: [Doorbell] = []
    }

    /// The one for the process: its memory is worth sharing.
    static let shared = NameResolver()

    /// With an old answer at hand, a new one is not waited for longer than this, nor than a share of the time that is left:
    /// the rest is for the connection itself.
    private static let patienceWithAnswerMilliseconds: Int64 = 100
    private static let shareWithAnswer: Int64 = 4

    private let lookup: Lookup
    private let entries = Mutex<[Name: Entry]>([:])

    init(lookup: @escaping Lookup = NameResolver.system) { self.lookup = lookup }

    /// The addresses of `host`, in the order in which they should be tried; never later than the deadline.
    func addresses(of host: String, port: UInt16, until deadline: Instant) throws(StoreFault)
        -> [SocketAddress]
    {
        if let numeric = try? SocketAddress(host: host, port: port) { return [numeric] }
        let name = Name(host: host, port: port)
        guard let bell = try? Doorbell() else { throw .unreachable("out of file descriptors") }
        let (old, mustStart) = entries.withLock { entries in
            var entry = entries[name] ?? Entry()
            defer { entries[name] = entry }
            entry.waiting.append(bell)
            if entry.running { return (entry.lastGood, false) }
            entry.running = true
            entry.lastResult = nil
            return (entry.lastGood, true)
        }
        defer { entries.withLock { $0[name]?.waiting.removeAll { $0 === bell } } }
        if mustStart { start(name) }
        var limit = deadline
        if !old.isEmpty {
            let now = Instant.now()
            let share = max(0, deadline.milliseconds(since: now)) / NameResolver.shareWithAnswer
            limit = now.advanced(milliseconds: min(share, NameResolver.patienceWithAnswerMilliseconds))
        }
        let answered = bell.wait(milliseconds: limit.pollMilliseconds(from: .now()))
        let result = answered ? entries.withLock { $0[name]?.lastResult } : nil
        switch result {
        case .found(let addresses): return addresses
        case .failed(let reason):
            if !old.isEmpty { return old }
            throw .unreachable("\(host): \(reason)")
        case nil:
            if !old.isEmpty { return old }
            throw .timeout("the name \(host) could not be looked up in time; check the host's DNS")
        }
    }

    private func start(_ name: Name) {
        do {
            let thread = try Thread.start(named: "troop-dns") { [self] in
                finish(name, lookup(name.host, name.port))
            }
            thread.detach()
        } catch {
            finish(name, .failed("\(error)"))
        }
    }

    private func finish(_ name: Name, _ result: LookupResult) {
        let waiting = entries.withLock { entries in
            var entry = entries[name] ?? Entry()
            entry.running = false
            entry.lastResult = result
            if case .found(let addresses) = result { entry.lastGood = addresses }
            entries[name] = entry
            return entry.waiting
        }
        for bell in waiting { bell.ring() }
    }

    /// `getaddrinfo` for stream sockets.
    static func system(host: String, port: UInt16) -> LookupResult {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, "\(port)", &hints, &list)
        guard code == 0 else { return .failed(String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let info = next?.pointee {
            next = info.ai_next
            guard let pointer = info.ai_addr, Int(info.ai_addrlen) <= MemoryLayout<sockaddr_storage>.size
            else {
                continue
            }
            var storage = sockaddr_storage()
            memcpy(&storage, pointer, Int(info.ai_addrlen))
            if let address = SocketAddress(storage), !addresses.contains(address) {
                addresses.append(address)
            }
        }
        return addresses.isEmpty ? .failed("the name has no address") : .found(addresses)
    }
}
