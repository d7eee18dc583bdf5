import Glibc
import Linux

@testable import Peer

/// The machine all these tests run on, whatever the real one is.
let testMachine = Machine(name: "box", address: "10.0.0.5", cores: 4)

/// Reads a file's text, with the machine above.
func configuration(
    _ text: String, _ environment: [String: String] = [:]
) throws(ConfigurationFault) -> Configuration {
    try Configuration.read(
        Array(text.utf8), file: "troop.yaml", environment: environment, machine: testMachine)
}

/// The faults a text has, a line each; empty when it has none.
func faultLines(_ text: String, _ environment: [String: String] = [:]) -> [String] {
    do throws(ConfigurationFault) {
        _ = try configuration(text, environment)
        return []
    } catch {
        return error.lines
    }
}

/// A folder that is removed with all in it when the body ends.
func withFolder(_ body: (String) throws -> Void) throws {
    var template = Array("/tmp/troop-configuration-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemFault("mkdtemp") }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer {
        for name in ["file", "password"] { _ = unlink("\(folder)/\(name)") }
        _ = rmdir(folder)
    }
    try body(folder)
}

/// Writes a file anew with the given mode.
func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o600) throws {
    let raw = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
    guard raw >= 0 else { throw SystemFault("open", on: path) }
    let descriptor = Descriptor(owning: raw)
    guard fchmod(descriptor.raw, mode) == 0, Glibc.write(descriptor.raw, bytes, bytes.count) == bytes.count
    else { throw SystemFault("write", on: path) }
}

/// Every option, each other than its default.
let fullFile = """
    cluster: demo
    host: {name: a, address: 127.0.0.1}
    peer: {listen: "127.0.0.1:7218"}
    state: /srv/troop
    redis:
      url: "rediss://10.0.0.9:6390/3"
      user: troop
      tls:
        ca_file: /etc/troop/ca.pem
        cert_file: /etc/troop/agent.pem
        key_file: /etc/troop/agent.key
        server_name: redis.example
        verify: false
    api:
      listen: 127.0.0.1:7217   # a comment
      socket: /run/troop/b.sock
    server: {listen: "127.0.0.1:3001", health: /alive, weight: 50}
    proxy:
      listen: "127.0.0.1:8081"
      workers: 2
      run: leader
      max_connections: 500
      limits: {head: 8KiB, fields: 50, uri: 2KiB}
      health_interval: 500ms
      health_timeout: 250ms
      rise: 1
      fall: 5
      connect_timeout: 300ms
      first_byte_timeout: 5m
      idle_timeout: 1h
      head_timeout: 3s
      body_timeout: 4s
      access_log: {path: /var/log/troop/access.log, format: json}
      forwarded: {trust: [10.0.0.0/8, "fd00::1"], x_forwarded: false, forwarded: true}
      request_id: false
      start_traces: true
      via: edge-1.example_A
    election: {ttl: 2s, renew: 500ms, command_timeout: 300ms, quarantine: 5s, priority: 70}
    metrics:
      scope: process
      pid_file: '/run/app.pid'
      cpu_allowance: 0.5
    log: {level: debug}
    """
