import Linux
import Proxy
import Remediation
import Store

/// Makes the configuration from what was read: defaults that depend on something, files that options name, and
/// the rules that hold between options.
struct ConfigurationAssembly {
    let draft: ConfigurationDraft
    let places: [String: ValuePlace]
    let sectionMarks: [String: YAMLMark]
    let machine: Machine
    var faults: FaultList
    var warnings: [String] = []

    init(reader: ConfigurationReader, machine: Machine) {
        draft = reader.draft
        places = reader.places
        sectionMarks = reader.sectionMarks
        faults = reader.faults
        self.machine = machine
    }

    /// The cluster's name in the package's file, which somebody is to replace: two troops that forgot it would be one.
    private static let clusterPlaceholder = "CHANGE-ME"

    /// The configuration, complete; throws all faults, those of the reading included.
    mutating func configuration(warnings readWarnings: [String]) throws(ConfigurationFault) -> Configuration {
        let cluster = required(draft.cluster, "cluster", "expected a name such as demo")
        if cluster == ConfigurationAssembly.clusterPlaceholder {
            faults.add(
                places["cluster"], "cluster",
                "is \(ConfigurationAssembly.clusterPlaceholder) still; "
                    + "set the name that all agents of your troop share, such as shop")
        }
        let sentinel = sentinel()
        let url = redisURL(sentinel)
        let failover = failover()
        let host = Configuration.Host(
            name: hostName(), address: draft.hostAddress ?? machine.address,
            rebootCommand: draft.rebootCommand,
            bootIDFile: draft.bootIDFile)
        checkRemediation()
        let redisPassword =
            draft.redisPassword
            ?? secret(in: draft.redisPasswordFile, "redis.password_file", expected: "a password")
        let apiToken = secret(in: draft.apiTokenFile, "api.token_file", expected: "a token")
        if let apiToken, !apiToken.revealed.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) {
            faults.add(
                places["api.token_file"], "api.token_file",
                "expected a token of printable ASCII characters without spaces, as 'openssl rand -hex 32' makes one"
            )
        }
        let server = server()
        let scope = scope()
        checkTLS()
        let accessLog = accessLog()
        let election = election()
        let clientTLS = clientTLS()
        let serverTLS = serverTLS()
        let peerListen = draft.peerListen ?? peerAddress(host.address)
        let (provider, steps, notify) = remedies(cluster ?? "")
        try faults.throwIfAny()
        // Each nil among these is a fault already thrown.
        guard let cluster, let url, let peerListen, let apiListen = draft.apiListen,
            let proxyListen = draft.proxyListen
        else { throw ConfigurationFault(lines: [faults.line(nil, "incomplete")]) }
        return Configuration(
            cluster: cluster, host: host, peer: Configuration.Peer(listen: peerListen), state: draft.state,
            redis: Configuration.Redis(
                sentinel: sentinel, url: url, user: draft.redisUser, password: redisPassword,
                tls: draft.tls),
            api: Configuration.API(
                listen: apiListen, socket: draft.apiSocket, token: apiToken, hosts: draft.apiHosts),
            server: server,
            proxy: proxy(listen: proxyListen, accessLog: accessLog, clientTLS, serverTLS), election: election,
            metrics: Configuration.Metrics(
                scope: scope, cpuAllowance: draft.metrics.cpuAllowance, top: draft.metrics.top,
                historyBudget: Int(draft.metrics.historyBudget)),
            log: Configuration.Log(level: draft.logLevel), failover: failover, remediation: draft.remediation,
            provider: provider, steps: steps, notify: notify,
            warnings: readWarnings + warnings)
    }

    private func proxy(
        listen: SocketAddress, accessLog: AccessLogSettings?, _ clientTLS: ClientTLSSettings?,
        _ serverTLS: ServerTLSSettings?
    ) -> Configuration.Proxy {
        Configuration.Proxy(
            listen: listen, workers: draft.proxyWorkers ?? min(256, max(1, machine.cores)),
            run: draft.proxyRun, maxConnections: draft.maxConnections,
            handoverDrainMilliseconds: draft.handoverDrain, limits: draft.limits,
            healthIntervalMilliseconds: draft.healthInterval,
            healthTimeoutMilliseconds: draft.healthTimeout, rise: draft.rise, fall: draft.fall,
            connectTimeoutMilliseconds: draft.connectTimeout,
            firstByteTimeoutMilliseconds: draft.firstByteTimeout,
            idleTimeoutMilliseconds: draft.idleTimeout, headTimeoutMilliseconds: draft.headTimeout,
            bodyTimeoutMilliseconds: draft.bodyTimeout, healthStatus: draft.healthStatus,
            healthBody: draft.healthBody, balancing: draft.balancing, defence: draft.defence,
            accessLog: accessLog, forwarding: draft.forwarding, tls: clientTLS, serverTLS: serverTLS,
            upgrades: draft.upgrades)
    }

    private mutating func remedies(
        _ cluster: String
    ) -> (Configuration.ProviderChoice?, Configuration.Steps, Configuration.Notify) {
        var assembly = ProviderAssembly(draft: draft.provider, cluster: cluster) {
            [places, sectionMarks] key in
            places[key] != nil || sectionMarks[key] != nil || places.keys.contains { $0.hasPrefix("\(key).") }
        }
        let parts = (assembly.provider(), assembly.steps(), assembly.notify())
        for (key, text) in assembly.faults {
            let section = key.lastIndex(of: ".").map { String(key[..<$0]) } ?? ""
            faults.add(places[key] ?? place(ofSection: section), key, text)
        }
        return parts
    }

    private mutating func accessLog() -> AccessLogSettings? {
        guard let path = draft.accessLogPath else {
            if let place = places["proxy.access_log.format"] {
                faults.add(
                    place, "proxy.access_log.format", "given alone; expected proxy.access_log.path with it")
            }
            return nil
        }
        var settings = AccessLogSettings(path == "stdout" ? .standardOutput : .file(path))
        settings.format = draft.accessLogFormat
        return settings
    }

    // MARK: - Places

    func isGiven(section: String) -> Bool {
        sectionMarks[section] != nil || places.keys.contains { $0.hasPrefix("\(section).") }
    }

    /// Where to look for something that a section lacks: its key, else the variable that stands for it.
    func place(ofSection section: String) -> ValuePlace {
        if let mark = sectionMarks[section] { return .file(mark) }
        let given = places.filter { $0.key.hasPrefix("\(section).") }.sorted { $0.key < $1.key }
        return given.first?.value ?? .file(YAMLMark(line: 1, column: 1))
    }

    // MARK: - Values

    mutating func required<Value>(_ value: Value?, _ key: String, _ expected: String) -> Value? {
        if value == nil, places[key] == nil {
            let section = key.lastIndex(of: ".").map { String(key[..<$0]) } ?? ""
            faults.add(place(ofSection: section), key, "is required and missing; \(expected)")
        }
        return value
    }

    private mutating func hostName() -> String {
        if let name = draft.hostName { return name }
        if places["host.name"] == nil, !ValueForm<String>.isName(machine.name) {
            faults.add(
                place(ofSection: "host"), "host.name",
                "the machine's own name '\(shown(machine.name))' cannot serve; expected 1 to 63 letters, "
                    + "digits, '.', '_' or '-' here")
        }
        return machine.name
    }

    private mutating func peerAddress(_ address: String) -> SocketAddress? {
        do throws(SocketAddressFault) {
            return try SocketAddress(host: address, port: Configuration.peerPort)
        } catch {
            faults.add(place(ofSection: "peer"), "peer.listen", "\(error)")
            return nil
        }
    }

    private mutating func server() -> Configuration.Server? {
        guard isGiven(section: "server") else { return nil }
        let expected = "expected the application's ADDRESS:PORT such as 127.0.0.1:3000"
        guard let listen = required(draft.serverListen, "server.listen", expected) else { return nil }
        if draft.serverUnit != nil, draft.startCommand != nil {
            faults.add(
                places["server.start_command"], "server.start_command",
                "given together with server.unit; expected one of them")
        }
        let start = draft.startCommand ?? draft.serverUnit.map { ["systemctl", "restart", $0] }
        return Configuration.Server(
            listen: listen, health: draft.serverHealth, weight: draft.serverWeight, start: start)
    }

    mutating func checkRemediation() {
        let gift = draft.remediation.gift
        if gift.clearPercent > gift.abovePercent {
            faults.add(
                places["remediation.gift.clear"] ?? place(ofSection: "remediation.gift"),
                "remediation.gift.clear",
                "is \(gift.clearPercent)%; expected at most remediation.gift.above, \(gift.abovePercent)%")
        }
        if gift.scaleIn, gift.belowPercent >= gift.clearPercent {
            faults.add(
                places["remediation.gift.below"] ?? place(ofSection: "remediation.gift"),
                "remediation.gift.below",
                "is \(gift.belowPercent)%; expected less than remediation.gift.clear, \(gift.clearPercent)%")
        }
    }

    private mutating func scope() -> Configuration.Metrics.Scope {
        switch draft.metrics.scope {
        case .host: return .host
        case .cgroup:
            if let path = draft.metrics.cgroup, !path.hasPrefix("/") || path.contains("..") {
                faults.add(
                    places["metrics.cgroup"], "metrics.cgroup",
                    "is '\(shown(path))'; expected a path from the root of the control groups, such as /system.slice/app.service"
                )
            }
            return .cgroup(path: draft.metrics.cgroup)
        case .process:
            let expected = "expected the path of the process's pid file, for scope process"
            guard let file = required(draft.metrics.pidFile, "metrics.pid_file", expected) else {
                return .host
            }
            return .process(pidFile: file)
        }
    }

    /// The secret that a file holds alone; nil without a file, and after a fault.
    mutating func secret(in path: String?, _ key: String, expected: String) -> Secret? {
        guard let path else { return nil }
        let place = places[key]
        let file: TextFile
        do throws(TextFileFault) {
            file = try TextFile.read(path, bytesMax: Configuration.passwordBytesMax)
        } catch {
            faults.add(place, key, "'\(shown(path))': \(error.text)")
            return nil
        }
        var bytes = file.bytes[...]
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        if bytes.count < file.bytes.count, bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard !bytes.isEmpty, firstInvalidUTF8(in: Array(bytes)) == nil else {
            faults.add(place, key, "'\(shown(path))': expected \(expected) in UTF-8, one line")
            return nil
        }
        if file.isReadableByAll {
            let text = "\(key): '\(shown(path))' is readable by every user; expected mode 0600 or 0640"
            warnings.append(faults.line(place, text))
        }
        return Secret(String(decoding: bytes, as: UTF8.self))
    }

    // MARK: - The election's times

    private mutating func election() -> Configuration.Election {
        let election = Configuration.Election(
            ttlMilliseconds: draft.ttl, renewMilliseconds: draft.renew,
            commandTimeoutMilliseconds: draft.commandTimeout,
            quarantineMilliseconds: draft.quarantine ?? 2 * draft.ttl, priority: draft.priority,
            neverLeads: draft.neverLeads)
        let margin = Configuration.Election.marginMilliseconds
        // Two clocks may drift apart while a lease runs; the same allowance as the election's own.
        let drift = draft.ttl / 100 + 1
        let needed = draft.renew + 2 * draft.commandTimeout + margin
        if needed >= draft.ttl - drift {
            faults.add(
                place(ofSection: "election"), "election",
                "renew \(text(draft.renew)) + 2 × command_timeout \(text(draft.commandTimeout)) + margin "
                    + "\(text(margin)) = \(text(needed)); expected less than ttl \(text(draft.ttl)) - drift "
                    + "\(text(drift)) = \(text(draft.ttl - drift))")
        }
        if let quarantine = draft.quarantine, quarantine < draft.ttl + drift {
            faults.add(
                places["election.quarantine"], "election.quarantine",
                "expected at least ttl \(text(draft.ttl)) + drift \(text(drift)) = "
                    + "\(text(draft.ttl + drift)), got '\(text(quarantine))'")
        }
        return election
    }

    private func text(_ milliseconds: Int64) -> String {
        QuantityUnit.text(milliseconds, in: QuantityUnit.durations)
    }
}
