import Store
import Testing

@testable import Peer

@Suite struct ConfigurationSecretTests {
    private let file = "cluster: c\nredis: {url: 'redis://bob:hunter2@h:1/0'}\n"

    private func appearances(_ value: some Any) -> [String] {
        var dumped = ""
        dump(value, to: &dumped)
        return ["\(value)", String(describing: value), String(reflecting: value), dumped]
    }

    @Test func noWayOfPrintingShowsAPassword() throws {
        let read = try configuration(file, ["TROOP_REDIS_PASSWORD": "hunter2"])
        #expect(read.redis.password?.revealed == "hunter2")
        #expect(read.redis.url.password?.revealed == "hunter2")
        for text in appearances(read) + appearances(read.redis) + appearances(read.redis.url) {
            #expect(!text.contains("hunter2"))
        }
    }

    /// Mistakes that put a password where something else belongs.
    @Test(arguments: [
        "cluster: c\nredis: {url: 'http://:hunter2@h'}",
        "cluster: c\nredis: {url: ['redis://:hunter2@h']}",
        "cluster: c\nredis: {url: {'redis://:hunter2@h': 1}}",
        "cluster: c\nredis: redis://:hunter2@h",
        "cluster: c\nredis: {password: hunter2, url: 'redis://h'}",
        "cluster: c\nredis: {password_file: 'redis://:hunter2@h', url: 'redis://h'}",
        "cluster: redis://:hunter2@h\nredis: {url: 'redis://h'}",
        "cluster: c\nredis:\n  url redis://:hunter2@h",
        "cluster: c\nredis: {'redis://:hunter2@h': x}",
        "redis://:hunter2@h",
    ])
    func noMessageShowsAPassword(_ text: String) {
        let lines = faultLines(text)
        #expect(!lines.isEmpty)
        #expect(!lines.contains { $0.contains("hunter2") })
    }

    @Test func aPasswordInTheFileIsRefusedWithTheWayToGiveOne() {
        #expect(
            faultLines("cluster: c\nredis: {password: x, url: 'redis://h'}") == [
                "troop.yaml:2:9: redis.password: a password has no place in this file; expected "
                    + "redis.password_file, or the variable TROOP_REDIS_PASSWORD"
            ])
    }

    @Test func badVariablesWithSecretsAreNotQuoted() {
        let lines = faultLines(
            "cluster: c",
            ["TROOP_REDIS_URL": "hunter2", "TROOP_REDIS_PASSWORD": String(repeating: "h", count: 5000)])
        #expect(
            lines == [
                "environment:TROOP_REDIS_URL: redis.url: the Redis URL has no scheme; expected "
                    + "redis://HOST:PORT/DB, rediss://… (TLS) or unix:///PATH",
                "environment:TROOP_REDIS_PASSWORD: redis.password: expected a password of at most 4096 bytes",
            ])
    }

    @Test(arguments: [("pw", "pw"), ("pw\n", "pw"), ("pw\r\n", "pw"), ("pw\n\n", "pw\n"), (" p w ", " p w ")])
    func aPasswordFileLosesOneLineEnd(_ contents: String, _ password: String) throws {
        try withFolder { folder in
            try write(Array(contents.utf8), to: "\(folder)/password")
            let read = try configuration(
                "cluster: c\nredis: {url: 'redis://h', password_file: '\(folder)/password'}")
            #expect(read.redis.password == Secret(password))
            #expect(read.warnings == [])
        }
    }

    @Test func theVariableGoesOverThePasswordFile() throws {
        let read = try configuration(
            "cluster: c\nredis: {url: 'redis://h', password_file: /nonexistent/p}",
            ["TROOP_REDIS_PASSWORD": "env"])
        #expect(read.redis.password?.revealed == "env")
    }

    @Test func aPasswordFileForEveryoneIsWarnedOf() throws {
        try withFolder { folder in
            try write(Array("pw".utf8), to: "\(folder)/password", mode: 0o644)
            let read = try configuration(
                "cluster: c\nredis: {url: 'redis://h'}", ["TROOP_REDIS_PASSWORD_FILE": "\(folder)/password"])
            #expect(read.redis.password?.revealed == "pw")
            #expect(read.warnings.count == 1)
            #expect(
                read.warnings.first?.hasPrefix("environment:TROOP_REDIS_PASSWORD_FILE: redis.password_file: ")
                    == true)
            #expect(
                read.warnings.first?.hasSuffix("is readable by every user; expected mode 0600 or 0640")
                    == true)
        }
    }

    @Test(arguments: [[], [0x0a], [0xff, 0xfe]] as [[UInt8]])
    func aPasswordFileWithoutAPasswordIsRefused(_ bytes: [UInt8]) throws {
        try withFolder { folder in
            try write(bytes, to: "\(folder)/password")
            let lines = faultLines(
                "cluster: c\nredis: {password_file: '\(folder)/password', url: 'redis://h'}")
            #expect(lines.count == 1)
            #expect(lines.first?.hasSuffix("/password': expected a password in UTF-8, one line") == true)
        }
    }
}
