import Glibc
import Linux
import Proxy

/// Looks at this host: ports, folders, rights, and what the configuration names.
struct HostChecks {
    private let configuration: Configuration
    private var findings: [Finding] = []

    /// What the agent's parts know better than a look from outside.
    struct Known: Sendable, Equatable {
        var isServing: Bool
        var listenFault: String?
        var doorFault: String?
        /// Faults of what follows the leadership: address, watchdog.
        var followers: [String]
    }

    static func findings(_ configuration: Configuration, _ known: Known) -> [Finding] {
        var checks = HostChecks(configuration)
        checks.ports(known)
        checks.state()
        checks.socket()
        checks.hooks()
        checks.address()
        checks.text()
        for fault in known.followers {
            checks.add("failover", .failed, "\(fault); the agent's log has more: journalctl -u troop")
        }
        return checks.findings
    }

    private init(_ configuration: Configuration) { self.configuration = configuration }

    private mutating func add(_ subject: String, _ verdict: Finding.Verdict, _ text: String) {
        findings.append(Finding(subject, verdict, text))
    }

    private mutating func ports(_ known: Known) {
        let listen = configuration.proxy.listen
        if let fault = known.listenFault {
            add("port", .failed, "\(fault); free the port or choose another, it is tried again each second")
        } else if known.isServing {
            add("port", .fine, "the proxy listens on \(listen)")
        } else {
            do throws(SystemFault) {
                try Listening.check(listen)
                add("port", .fine, "proxy.listen \(listen) is free for when this host leads")
            } catch {
                add(
                    "port", .failed,
                    "proxy.listen \(listen): \(error.reason); free the port or choose another")
            }
        }
        if let fault = known.doorFault {
            add("port", .warning, "\(fault); free the port or choose another")
        } else {
            add(
                "port", .fine,
                "api.listen \(configuration.api.listen), peer.listen \(configuration.peer.listen)")
        }
        if listen.isLoopback, configuration.host.address.hasPrefix("127.") == false,
            configuration.host.address != "::1"
        {
            add(
                "port", .warning,
                "proxy.listen \(listen) is reached from this host alone; expected 0.0.0.0 or an address")
        }
    }

    private mutating func state() {
        let path = configuration.state
        var status = stat()
        guard stat(path, &status) == 0, access(path, W_OK | X_OK) == 0 else {
            let why = String(cString: strerror(errno))
            return add(
                "state", .failed, "\(path): \(why); give it to the agent's user: chown troop:troop \(path)")
        }
        if status.st_mode & 0o022 != 0 {
            add("state", .warning, "\(path) can be written by others than its owner; chmod 0750 \(path)")
        } else {
            add("state", .fine, "\(path) can be written, by its owner alone")
        }
    }

    private mutating func socket() {
        let path = configuration.api.socket
        var status = stat()
        guard lstat(path, &status) == 0 else {
            return add("socket", .failed, "\(path) is gone: somebody removed it; restart the agent")
        }
        if status.st_mode & 0o002 != 0 {
            add(
                "socket", .failed,
                "\(path) may be used by every user of this host, to change the troop; chmod 0660 \(path)")
        } else {
            add("socket", .fine, "\(path) may be used by its owner and group")
        }
    }

    private mutating func hooks() {
        let hooks = configuration.failover.hooks
        for (name, command) in [("on_promote", hooks.onPromote), ("on_demote", hooks.onDemote)] {
            guard let program = command?.first else { continue }
            if program.contains("/"), access(program, X_OK) != 0 {
                let why = String(cString: strerror(errno))
                add(
                    "hooks", .failed,
                    "hooks.\(name): \(program): \(why); expected a program that this user may run")
            } else {
                add("hooks", .fine, "hooks.\(name) is \(program)")
            }
        }
    }

    private mutating func address() {
        guard let vip = configuration.failover.vip?.address else { return }
        guard if_nametoindex(vip.interface) != 0 else {
            return add(
                "vip", .failed,
                "there is no interface \(vip.interface); vip.interface must name one of this host")
        }
        if vip.host == configuration.host.address {
            add(
                "vip", .failed,
                "vip.address is this host's own address; expected one that no host has of its own")
        } else {
            add("vip", .fine, "the leader has \(vip)")
        }
    }

    private mutating func text() {
        if configuration.warnings.isEmpty { add("configuration", .fine, "nothing in it looks wrong") }
        for warning in configuration.warnings { add("configuration", .warning, warning) }
    }
}
