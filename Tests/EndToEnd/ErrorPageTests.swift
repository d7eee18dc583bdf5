import Fixtures
import Glibc
import Linux
import Testing
import Transfer

/// What clients of a running agent are told when a server fails, and what its operators are.
@Suite struct ErrorPageTests {
    @Test(.timeLimit(.minutes(2))) func aSilentServerIsNamedWithTheRequestsId() async throws {
        let troop = try Ensemble(["a"], proxy: ["first_byte_timeout: 300ms", "eject_failures: 0"])
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 1) }
        try #require(isUp, "\(troop.logs)")
        let address = "127.0.0.1:\(try troop.member("a").appPort)"
        let answer = try #require(troop.get("/slow?ms=2000"))
        #expect(answer.status == 504)
        let lines = answer.body.split(separator: "\n")
        #expect(lines.first == "server \(address): sent no response in time")
        let id = try #require(lines.last?.split(separator: " ").last)
        #expect(id.utf8.count == 32)
        // The same id finds its line in the log.
        let log = "\(troop.folder)/a.access"
        let isLogged = await eventually {
            Program.text(of: log).split(separator: "\n").contains {
                $0.contains(" id=\(id) ") && $0.contains(" status=504 ")
                    && $0.contains(" end=timeout_first_byte ")
                    && $0.contains(" server=\(address) ")
            }
        }
        #expect(isLogged, "\(Program.text(of: log))")
        var transfer = Transfer(url: "http://127.0.0.1:\(troop.proxyPort)/slow?ms=2000")
        transfer.timeoutMilliseconds = 3000
        #expect(try transfer.perform().status == 504)
        #expect(troop.get()?.status == 200)
    }
}
