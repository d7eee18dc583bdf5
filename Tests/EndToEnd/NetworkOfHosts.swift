import Fixtures
import Glibc

/// Hosts on one network: namespaces on a bridge, each with `eth0`; needs root. All goes with the last reference.
final class NetworkOfHosts: Sendable {
    let names: [String]
    private let tag: String

    /// Why there can be none here; nil when there can.
    static var obstacle: String? {
        if geteuid() != 0 { return "network namespaces need root" }
        return access("/usr/sbin/ip", X_OK) == 0 || access("/sbin/ip", X_OK) == 0
            ? nil : "iproute2 is missing"
    }

    /// `switch` is 10.9.0.1, the hosts are 10.9.0.2 and on.
    init(_ names: [String]) throws {
        self.names = names
        tag = "troop\(getpid() % 10_000)\(Int.random(in: 0...99))"
        try ip("netns", "add", namespace("switch"))
        try run(in: "switch", "ip", "link", "set", "lo", "up")
        try run(in: "switch", "ip", "link", "add", "br0", "type", "bridge")
        try run(in: "switch", "ip", "addr", "add", "10.9.0.1/24", "dev", "br0")
        try run(in: "switch", "ip", "link", "set", "br0", "up")
        for (index, name) in names.enumerated() {
            try ip("netns", "add", namespace(name))
            try run(in: name, "ip", "link", "set", "lo", "up")
            try connect(name, at: index)
        }
    }

    private func connect(_ name: String, at index: Int) throws {
        try run(
            in: "switch", "ip", "link", "add", "port-\(name)", "type", "veth", "peer", "name", "eth0",
            "netns",
            namespace(name))
        try run(in: "switch", "ip", "link", "set", "port-\(name)", "master", "br0")
        try run(in: "switch", "ip", "link", "set", "port-\(name)", "up")
        try run(in: name, "ip", "addr", "add", "10.9.0.\(index + 2)/24", "dev", "eth0")
        try run(in: name, "ip", "link", "set", "eth0", "up")
    }

    /// Removes a host's interface and makes a new one of that name.
    func replaceInterface(of name: String) throws {
        try run(in: name, "ip", "link", "del", "eth0")
        try connect(name, at: names.firstIndex(of: name) ?? 0)
    }

    deinit { for name in names + ["switch"] { try? ip("netns", "del", namespace(name)) } }

    /// The name of a host's namespace.
    func namespace(_ name: String) -> String { "\(tag)-\(name)" }

    /// Runs a program on a host; its output.
    @discardableResult
    func run(in name: String, _ words: String...) throws -> String {
        try output(["ip", "netns", "exec", namespace(name)] + words)
    }

    /// Plugs a host's cable in or out.
    func cable(of name: String, isIn: Bool) throws {
        try run(in: "switch", "ip", "link", "set", "port-\(name)", isIn ? "up" : "down")
    }

    /// Whether a host's interface has an address.
    func has(_ address: String, _ name: String) -> Bool {
        ((try? run(in: name, "ip", "-o", "addr", "show", "dev", "eth0")) ?? "").contains(" \(address)/")
    }

    /// The hardware address of a host's interface.
    func hardware(_ name: String) throws -> String {
        let text = try run(in: name, "cat", "/sys/class/net/eth0/address")
        return String(text.prefix { !$0.isWhitespace })
    }

    /// What the switch remembers of who has an address.
    func neighbour(_ address: String) -> String {
        (try? run(in: "switch", "ip", "neigh", "show", address)) ?? ""
    }

    private func ip(_ words: String...) throws { _ = try output(["ip"] + words) }

    private func output(_ words: [String]) throws -> String {
        var template = Array("/tmp/troop-net-XXXXXX".utf8CString)
        let raw = mkstemp(&template)
        guard raw >= 0 else { throw Program.Fault(description: "mkstemp") }
        close(raw)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(path) }
        try RedisServer.runToEnd(words, log: path)
        return Program.text(of: path)
    }
}
