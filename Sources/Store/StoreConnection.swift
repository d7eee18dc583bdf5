package import Linux

/// One connection to Redis, owned by one thread. Each call has a deadline; whatever leaves the stream in
/// doubt (a timeout, an I/O or protocol fault) closes it, as does an answer that says this is not the master.
package final class StoreConnection {
    private let target: String
    private var exchange: Exchange?
    /// By whom, and in which term, this server was named as the master; nil where the configuration names it.
    private var appointment: (finder: MasterFinder, term: Int)?
    /// Asked once: one connection reaches one run of the server.
    private var identity: Identity?

    private enum Identity {
        case known(String)
        case unknown
    }

    private init(_ exchange: Exchange, target: String) {
        self.exchange = exchange
        self.target = target
    }

    /// Connects, signs in, selects the database and gives the connection its name, all before the deadline.
    package static func open(
        _ settings: StoreSettings, until deadline: Instant
    ) throws(StoreFault) -> StoreConnection {
        try open(settings, resolver: .shared, until: deadline)
    }

    /// With Sentinels, the master is looked for anew, and must say itself that it is one.
    static func open(
        _ settings: StoreSettings, resolver: NameResolver, until deadline: Instant
    ) throws(StoreFault) -> StoreConnection {
        guard let finder = settings.sentinel else {
            return try openDirectly(settings, resolver: resolver, until: deadline)
        }
        let place = try finder.find(
            resolver, name: settings.name, agreed: settings.needsAgreement, until: deadline)
        var direct = settings
        direct.sentinel = nil
        direct.url = settings.url.moved(to: place.host, port: place.port)
        let connection = try openDirectly(direct, resolver: resolver, until: deadline)
        try connection.requireMaster(until: deadline)
        connection.appointment = (finder, finder.adopt(place))
        return connection
    }

    static func openDirectly(
        _ settings: StoreSettings, resolver: NameResolver, until deadline: Instant
    ) throws(StoreFault) -> StoreConnection {
        let greeting = try Greeting(settings)
        let wire = try Wire.open(settings, resolver: resolver, until: deadline)
        let connection = StoreConnection(
            try Exchange(wire: wire, target: settings.url.target), target: settings.url.target)
        do throws(StoreFault) {
            try greeting.check(try connection.pipeline(greeting.commands, until: deadline))
        } catch .unreachable(let reason) {
            throw .unreachable(reason + advice(afterHangUp: settings, reason))
        }
        return connection
    }

    /// The address at the other end, IPv6 in brackets; nil with a unix socket, and after `close`.
    var peer: String? { exchange?.peer }

    /// False after a fault or `close`; a closed connection never opens again.
    package var isOpen: Bool { exchange != nil }

    /// Ends the connection; a second call does nothing.
    package func close() { exchange = nil }

    /// True when the connection is open and quiet; one that the server has ended meanwhile is closed here, so
    /// that a command is not lost on it.
    package func isUsable() -> Bool {
        guard let exchange else { return false }
        if isAppointed, exchange.isQuiet { return true }
        close()
        return false
    }

    /// False once the Sentinels have named another master than this server.
    var isAppointed: Bool { appointment.map { $0.finder.currentTerm == $0.term } ?? true }

    /// Throws unless the server says that it is a master: a Sentinel may not know yet that it is none any more.
    private func requireMaster(until deadline: Instant) throws(StoreFault) {
        var role: String?
        switch try pipeline([Command("ROLE")], until: deadline).first {
        case .array(let parts): role = parts.first?.text
        case .error(let error) where error.code == "NOPERM":
            // INFO is needed for elections anyway, ROLE for nothing else.
            let text = try call(Command("INFO", "replication"), until: deadline).text ?? ""
            role = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("role:") }
                .map { String($0.dropFirst(5)) }
        case .error(let error): throw .rejected(error)
        case .status, .integer, .bulk, .null, nil: break
        }
        guard role == "master" else {
            close()
            throw .unreachable("\(target) is not the master (yet), though a Sentinel says so; looking again")
        }
    }

    /// Sends a command and waits for its reply; an error reply is thrown as `.rejected`. Not for commands
    /// that are answered by other than one reply (`SUBSCRIBE`, `MONITOR`).
    package func call(_ command: Command, until deadline: Instant) throws(StoreFault) -> Reply {
        guard let reply = try pipeline([command], until: deadline).first else { throw .malformed("no reply") }
        if case .error(let error) = reply { throw .rejected(error) }
        return reply
    }

    /// Sends commands in one go and waits for all replies, in the commands' order; error replies stay in the
    /// list.
    ///
    /// A script's run that the server did not know is sent again whole, after the others: such a command must
    /// not rely on its place among them.
    package func pipeline(_ commands: [Command], until deadline: Instant) throws(StoreFault) -> [Reply] {
        var replies = try answers(to: commands, until: deadline)
        var again: [(index: Int, command: Command)] = []
        for (index, reply) in replies.enumerated() {
            guard case .error(let error) = reply, error.kind == .scriptMissing,
                let whole = commands[index].withWholeScript
            else { continue }
            again.append((index, whole))
        }
        if !again.isEmpty {
            let late = try answers(to: again.map(\.command), until: deadline)
            for (entry, reply) in zip(again, late) { replies[entry.index] = reply }
        }
        for case .error(let error) in replies where error.kind == .rediscover { close() }
        return replies
    }

    /// Runs a script by its digest, or whole where the server does not know it; an error reply is thrown.
    package func run(
        _ script: Script, keys: [String], arguments: [String], until deadline: Instant
    ) throws(StoreFault) -> Reply {
        try call(Command(script, keys: keys, arguments: arguments), until: deadline)
    }

    /// The same with arguments that are written already.
    package func run(
        _ script: Script, keys: [String], arguments: CommandWords, until deadline: Instant
    ) throws(StoreFault) -> Reply {
        try call(Command(script, keys: keys, arguments: arguments), until: deadline)
    }

    /// The run id of the server (`INFO server`, 40 hexadecimal digits); nil where it may not be asked or says none.
    package func runID(until deadline: Instant) throws(StoreFault) -> String? {
        if let identity {
            switch identity {
            case .known(let runID): return runID
            case .unknown: return nil
            }
        }
        let reply = try pipeline([Command("INFO", "server")], until: deadline).first
        let lines = (reply?.text ?? "").utf8.split { $0 == 0x0D || $0 == 0x0A }
        let mark = Array("run_id:".utf8)
        let value = lines.first { $0.starts(with: mark) }.map { String(Substring($0.dropFirst(mark.count))) }
        guard let value, (1...64).contains(value.utf8.count), value.utf8.allSatisfy(Self.isHexadecimal) else {
            // A refusal stands until the rights change, and then the connection is a new one at the latest.
            identity = .unknown
            return nil
        }
        identity = .known(value)
        return value
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...70).contains(byte) || (97...102).contains(byte)
    }

    /// A server that hangs up on a greeting mostly wants another transport or proof.
    private static func advice(afterHangUp settings: StoreSettings, _ reason: String) -> String {
        switch settings.url.endpoint {
        case .unix: ""
        case .tcp where reason.contains("; "): ""
        case .tcp where !settings.url.usesTLS: "; if the server expects TLS, use rediss://"
        case .tcp where settings.tls.certificateFile == nil: "; does the server ask for a client certificate?"
        case .tcp: "; does the server accept this client's certificate?"
        }
    }

    private func answers(to commands: [Command], until deadline: Instant) throws(StoreFault) -> [Reply] {
        guard let first = commands.first else { return [] }
        let exchange = try opened()
        do throws(StoreFault) {
            try exchange.queue(commands)
            var replies: [Reply] = []
            let outcome = try exchange.run(until: deadline, wanted: commands.count, into: &replies)
            guard outcome == .done else {
                let others = commands.count > 1 ? " and \(commands.count - 1) more" : ""
                throw StoreFault.timeout("no reply to \(first)\(others) from \(target)")
            }
            guard exchange.isEmpty else { throw StoreFault.malformed("more replies than commands") }
            return replies
        } catch {
            close()
            throw error
        }
    }

    private func opened() throws(StoreFault) -> Exchange {
        guard let exchange else { throw .unreachable("the connection to \(target) is closed") }
        return exchange
    }
}

/// Sending and receiving apart, for `Subscription`.
extension StoreConnection {
    /// Sends a command without waiting for its replies.
    func send(_ command: Command, until deadline: Instant) throws(StoreFault) {
        let exchange = try opened()
        do throws(StoreFault) {
            try exchange.queue([command])
            var none: [Reply] = []
            guard try exchange.run(until: deadline, wanted: 0, into: &none) == .done else {
                throw StoreFault.timeout("\(command) could not be sent to \(target)")
            }
        } catch {
            close()
            throw error
        }
    }

    /// The next reply or message; nil when the bell rang or the deadline passed, with the connection left
    /// open.
    func receive(until deadline: Instant, bell: Doorbell) throws(StoreFault) -> Reply? {
        let exchange = try opened()
        do throws(StoreFault) {
            var replies: [Reply] = []
            _ = try exchange.run(until: deadline, wanted: 1, into: &replies, bell: bell)
            return replies.first
        } catch {
            close()
            throw error
        }
    }
}
