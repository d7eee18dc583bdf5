import Testing

@testable import Peer

@Suite struct ConfigurationFaultTests {
    private static let head = "cluster: demo\nredis: {url: 'redis://127.0.0.1:6379/0'}\n"

    /// A wrong file with the line or lines it gets; the file's first two lines are right unless it says otherwise.
    struct Case: Sendable, CustomTestStringConvertible {
        let text: String
        let lines: [String]
        var testDescription: String { lines.first ?? "" }

        init(_ text: String, _ lines: String..., whole: Bool = false) {
            self.text = whole ? text : head + text
            self.lines = lines.map { "troop.yaml:" + $0 }
        }
    }

    static let values: [Case] = [
        Case(
            "election:\n    ttl: fast",
            "4:10: election.ttl: expected a duration such as 250ms, got 'fast'"),
        Case("election: {ttl: 1}", "3:17: election.ttl: expected a duration such as 250ms, got '1'"),
        Case("election: {ttl: 1 s}", "3:17: election.ttl: expected a duration such as 250ms, got '1 s'"),
        Case("election: {ttl: -1s}", "3:17: election.ttl: expected a duration such as 250ms, got '-1s'"),
        Case("election: {ttl: 1.5s}", "3:17: election.ttl: expected a duration such as 250ms, got '1.5s'"),
        Case(
            "election: {ttl: 99999999999999999999s}",
            "3:17: election.ttl: expected a duration such as 250ms, got '99999999999999999999s'"),
        Case(
            "election: {ttl: 9223372036854775807s}",
            "3:17: election.ttl: expected a duration such as 250ms, got '9223372036854775807s'"),
        Case("election: {ttl: 2m}", "3:17: election.ttl: expected a duration from 200ms to 1m, got '2m'"),
        Case(
            "election: {ttl: 800ms, renew: 400ms}",
            "3:1: election: renew 400ms + 2 × command_timeout 200ms + margin 50ms = 850ms; "
                + "expected less than ttl 800ms - drift 9ms = 791ms"),
        Case(
            "election: {quarantine: 1s}",
            "3:24: election.quarantine: expected at least ttl 1s + drift 11ms = 1011ms, got '1s'"),
        Case(
            "election: {priority: 101}",
            "3:22: election.priority: expected a whole number from 0 to 100, got '101'"),
        Case(
            "proxy: {workers: two}", "3:18: proxy.workers: expected a whole number from 1 to 256, got 'two'"
        ),
        Case(
            "proxy: {workers: 0x2}", "3:18: proxy.workers: expected a whole number from 1 to 256, got '0x2'"
        ),
        Case("proxy: {workers: ''}", "3:18: proxy.workers: expected a whole number from 1 to 256, got ''"),
        Case(
            "proxy: {workers: +2}", "3:18: proxy.workers: expected a whole number from 1 to 256, got '+2'"),
        Case(
            "proxy: {run: all}", "3:14: proxy.run: expected one of leader, every, got 'all'"),
        Case(
            "proxy: {limits: {head: 16K}}",
            "3:24: proxy.limits.head: expected a size such as 16KiB, got '16K'"),
        Case(
            "proxy: {limits: {head: 1MiB}}",
            "3:24: proxy.limits.head: expected a size from 1KiB to 32KiB, got '1MiB'"),
        Case(
            "proxy: {limits: {uri: 100B}}",
            "3:23: proxy.limits.uri: expected a size from 256B to 32KiB, got '100B'"),
        Case(
            "proxy: {limits: {fields: 0}}",
            "3:26: proxy.limits.fields: expected a whole number from 10 to 1000, got '0'"),
        Case(
            "proxy: {listen: 8080}",
            "3:17: proxy.listen: expected ADDRESS:PORT such as 10.0.0.5:3000 or [fd00::5]:3000, "
                + "got '8080': it has no port"),
        Case(
            "api: {listen: 'localhost:7117'}",
            "3:15: api.listen: expected ADDRESS:PORT such as 10.0.0.5:3000 or [fd00::5]:3000, "
                + "got 'localhost:7117': its address is not numeric"),
        Case(
            "api: {listen: '127.0.0.1:0'}",
            "3:15: api.listen: expected ADDRESS:PORT such as 10.0.0.5:3000 or [fd00::5]:3000, "
                + "got '127.0.0.1:0': its port is not a number from 1 to 65535"),
        Case(
            "api: {socket: '/\(String(repeating: "s", count: 107))'}",
            "3:15: api.socket: expected a path of at most 107 bytes such as /run/troop/agent.sock, "
                + "got '/\(String(repeating: "s", count: 47))…'"),
        Case(
            "host: {name: 'a b'}",
            "3:14: host.name: expected 1 to 63 letters, digits, '.', '_' or '-', got 'a b'"),
        Case(
            "host: {address: web1}",
            "3:17: host.address: expected a numeric address such as 10.0.0.5 or fd00::5, got 'web1'"),
        Case(
            "host: {address: 0.0.0.0}",
            "3:17: host.address: expected an address others can reach, got '0.0.0.0'"),
        Case(
            "metrics: {scope: pod}", "3:18: metrics.scope: expected one of host, cgroup, process, got 'pod'"),
        Case(
            "metrics: {scope: cgroup, cgroup: ../up}",
            "3:34: metrics.cgroup: is '../up'; expected a path from the root of the control groups, such as /system.slice/app.service"
        ),
        Case("metrics: {top: 51}", "3:16: metrics.top: expected a whole number from 0 to 50, got '51'"),
        Case(
            "metrics: {history_budget: 1KiB}",
            "3:27: metrics.history_budget: expected a size from 1MiB to 4GiB, got '1KiB'"),
        Case(
            "metrics: {cpu_allowance: 1e3}",
            "3:26: metrics.cpu_allowance: expected a number of cores from 0.01 to 4096 such as 0.5, got '1e3'"
        ),
        Case(
            "log: {level: loud}",
            "3:14: log.level: expected one of trace, debug, info, notice, warning, error, critical, got 'loud'"
        ),
        Case(
            "server: {listen: '1.2.3.4:5', health: healthz}",
            "3:39: server.health: expected a request path such as /healthz, got 'healthz'"),
        Case(
            "state: \"a\\tb\"", "3:8: state: expected a path such as /etc/troop/ca.pem, got 'a\\tb'"),
        Case(
            "cluster: demo\nredis: {url: 'rediss://h:1', tls: {verify: yes}}",
            "2:44: redis.tls.verify: expected true or false, got 'yes'", whole: true),
    ]

    static let structure: [Case] = [
        Case(
            "redis: {url: 'unix:///r.sock'}",
            "1:1: cluster: is required and missing; expected a name such as demo", whole: true),
        Case(
            "cluster: CHANGE-ME\nredis: {url: 'redis://127.0.0.1:6379/0'}",
            "1:10: cluster: is CHANGE-ME still; set the name that all agents of your troop share, such as shop",
            whole: true),
        Case(
            "cluster: demo",
            "1:1: redis.url: is required and missing; expected a URL such as redis://127.0.0.1:6379/0",
            whole: true),
        Case(
            "cluster: demo\nredis:\n  user: x",
            "2:1: redis.url: is required and missing; expected a URL such as redis://127.0.0.1:6379/0",
            whole: true),
        Case(
            "server: {health: /}",
            "3:1: server.listen: is required and missing; expected the application's ADDRESS:PORT such as 127.0.0.1:3000"
        ),
        Case(
            "server: {}",
            "3:1: server.listen: is required and missing; expected the application's ADDRESS:PORT such as 127.0.0.1:3000"
        ),
        Case(
            "metrics: {scope: process}",
            "3:1: metrics.pid_file: is required and missing; expected the path of the process's pid file, for scope process"
        ),
        Case("electoin: {ttl: 1s}", "3:1: electoin: unknown key; did you mean election?"),
        Case("election:\n  tll: 1s", "4:3: election.tll: unknown key; did you mean election.ttl?"),
        Case(
            "election:\n  command-timeout: 1s",
            "4:3: election.command-timeout: unknown key; did you mean election.command_timeout?"),
        Case("ttl: 1s", "3:1: ttl: unknown key; did you mean election.ttl?"),
        Case("Cluster: x", "3:1: Cluster: unknown key; did you mean cluster?"),
        Case(
            "election: {banana: 1}",
            "3:12: election.banana: unknown key; expected in election one of command_timeout, never_lead, priority, quarantine, renew, ttl"
        ),
        Case(
            "zzzzzzzz: 1",
            "3:1: zzzzzzzz: unknown key; expected here one of api, cluster, elastic_ip, election, hooks, host, limbo, log, metrics, notify, peer, proxy, redis, remediation, server, state, vip, watchdog"
        ),
        Case(
            "\"a\\nb\\e[31m\": 1",
            "3:1: a\\nb\\u{1B}[31m: unknown key; expected here one of api, cluster, elastic_ip, election, hooks, host, limbo, log, metrics, notify, peer, proxy, redis, remediation, server, state, vip, watchdog"
        ),
        Case("state:", "3:7: state: has no value; expected path, or no such key at all"),
        Case("state: ~", "3:8: state: has no value; expected path, or no such key at all"),
        Case(
            "proxy: {access_log: {format: json}}",
            "3:30: proxy.access_log.format: given alone; expected proxy.access_log.path with it"),
        Case(
            "proxy: {access_log: {path: a, format: clf}}",
            "3:39: proxy.access_log.format: expected one of logfmt, json, got 'clf'"),
        Case(
            "proxy: {forwarded: {trust: [10.0.0.0/8, 10.1.1.1/8]}}",
            "3:28: proxy.forwarded.trust: expected networks such as 10.0.0.0/8 or fd00::1, got '10.1.1.1/8': "
                + "the address has bits beyond the prefix"),
        Case(
            "proxy: {forwarded: {trust: [[a]]}}",
            "3:29: proxy.forwarded.trust: expected a list of texts (list of networks, as `10.0.0.0/8, fd00::/8`), "
                + "got a list"),
        Case("state: [a]", "3:8: state: expected one value (path), got a list"),
        Case("state: {a: b}", "3:8: state: expected one value (path), got a mapping"),
        Case(
            "election: 1s",
            "3:11: election: expected a section with keys of command_timeout, never_lead, priority, quarantine, renew, ttl, got a text"
        ),
        Case(
            "election:",
            "3:10: election: expected a section with keys of command_timeout, never_lead, priority, quarantine, renew, ttl, got nothing"
        ),
        Case(
            "- a", "1:1: expected keys with values, as 'cluster: demo', got a list",
            "1:1: cluster: is required and missing; expected a name such as demo",
            "1:1: redis.url: is required and missing; expected a URL such as redis://127.0.0.1:6379/0",
            whole: true),
        Case("cluster: two", "3:1: cluster: given twice, first at line 1; expected it once"),
        Case(
            "election: {ttl: 1s,\n  ttl: 2s}",
            "4:3: election.ttl: given twice, first at line 3; expected it once"),
        Case("state: &a /x\nlog: *a", "4:6: aliases (*name) are not accepted; expected the value itself"),
        Case("state: !!str x", "3:8: tags (!name) are not accepted; expected the value itself"),
        Case("---\ncluster: x", "3:1: a second document begins here; expected one alone"),
        Case("? [a]\n: b", "3:3: expected a word as key, got a list or a mapping"),
        Case(
            "log: " + String(repeating: "[", count: 40), "3:21: nested too deep; expected at most 16 levels"),
        Case(
            "proxy:\n\tlisten: x",
            "4:1: not valid YAML: found character that cannot start any token, while scanning for the next token from line 4; indentation has a tab here, expected spaces"
        ),
        Case(
            "state: \"x",
            "3:10: not valid YAML: found unexpected end of stream, while scanning a quoted scalar from line 3"
        ),
        Case("a: b: c", "3:5: not valid YAML: mapping values are not allowed in this context"),
        Case("state: a\u{01}b", "3:9: not valid YAML: control characters are not allowed"),
        Case(
            "redis: {url: 'rediss://h:1', tls: {key_file: /k}}\ncluster: c",
            "1:46: redis.tls.key_file: given alone; expected redis.tls.cert_file with it", whole: true),
        Case(
            "redis: {url: 'redis://h:1', tls: {verify: true}}\ncluster: c",
            "1:29: redis.tls: has no effect with a redis:// URL; expected redis.url to begin with rediss://",
            whole: true),
        Case(
            "cluster: c\nredis: {url: 'unix:///s', password_file: /nonexistent/p}",
            "2:42: redis.password_file: '/nonexistent/p': no such file", whole: true),
    ]

    @Test(arguments: values)
    func aBadValueIsToldWithItsPlace(_ wrong: Case) {
        #expect(faultLines(wrong.text) == wrong.lines)
    }

    @Test(arguments: structure)
    func aFaultOfStructureIsToldWithItsPlace(_ wrong: Case) {
        #expect(faultLines(wrong.text) == wrong.lines)
    }

    @Test func allFaultsAreToldInTheOrderOfTheFileThenTheEnvironment() {
        let lines = faultLines(
            "redis: {url: x}\nproxy: {workers: 0}\nelecton: {}\n",
            ["TROOP_ELECTION_TTL": "fast", "TROOP_PROXY_RISE": "0"])
        #expect(
            lines == [
                "troop.yaml:1:1: cluster: is required and missing; expected a name such as demo",
                "troop.yaml:1:14: redis.url: the Redis URL has no scheme; expected redis://HOST:PORT/DB, "
                    + "rediss://… (TLS) or unix:///PATH",
                "troop.yaml:2:18: proxy.workers: expected a whole number from 1 to 256, got '0'",
                "troop.yaml:3:1: electon: unknown key; did you mean election?",
                "environment:TROOP_PROXY_RISE: proxy.rise: expected a whole number from 1 to 100, got '0'",
                "environment:TROOP_ELECTION_TTL: election.ttl: expected a duration such as 250ms, got 'fast'",
            ])
    }

    @Test func theTimesOfTheElectionAreHeldTogetherAcrossFileAndEnvironment() {
        let fault =
            "election: renew 250ms + 2 × command_timeout 200ms + margin 50ms = 700ms; "
            + "expected less than ttl 600ms - drift 7ms = 593ms"
        #expect(
            faultLines(Self.head, ["TROOP_ELECTION_TTL": "600ms"])
                == ["environment:TROOP_ELECTION_TTL: \(fault)"])
        #expect(
            faultLines(Self.head + "election: {renew: 250ms}", ["TROOP_ELECTION_TTL": "600ms"])
                == ["troop.yaml:3:1: \(fault)"])
    }

    @Test func theDriftOfClocksCountsInTheTimesOfTheElection() {
        #expect(faultLines(Self.head + "election: {renew: 538ms}") == [])
        #expect(
            faultLines(Self.head + "election: {renew: 539ms}") == [
                "troop.yaml:3:1: election: renew 539ms + 2 × command_timeout 200ms + margin 50ms = 989ms; "
                    + "expected less than ttl 1s - drift 11ms = 989ms"
            ])
    }

    @Test func aHostNameThatCannotServeIsRefused() {
        let machine = Machine(name: "my box", address: "10.0.0.5", cores: 1)
        #expect {
            _ = try Configuration.read(
                Array(Self.head.utf8), file: "f", environment: [:], machine: machine)
        } throws: { error in
            "\(error)"
                == "f:1:1: host.name: the machine's own name 'my box' cannot serve; expected 1 to 63 letters, "
                + "digits, '.', '_' or '-' here"
        }
    }

    @Test func aFileThatIsWrongThroughoutGetsALimitedAnswer() {
        let lines = faultLines((0..<5000).map { "key\($0): x" }.joined(separator: "\n"))
        #expect(lines.count <= ConfigurationFault.linesMax + 1)
        #expect(lines.first?.hasPrefix("troop.yaml:1:1: key0: unknown key") == true)
    }
}
