import Fixtures
import Store
import Testing

@Suite struct KeysTests {
    private let keys = Keys(cluster: "demo")

    /// The names in the first column of the page's tables of keys, such as `host:<name>`.
    private var documented: [String] {
        var isTableOfKeys = false
        return RedisServer.text(of: Repository.path("docs/redis-keys.md")).split(separator: "\n").compactMap {
            line in
            if line.hasPrefix("| key |") { isTableOfKeys = true }
            if line.hasPrefix("#") { isTableOfKeys = false }
            guard isTableOfKeys, line.hasPrefix("| `"), let end = line.dropFirst(3).firstIndex(of: "`") else {
                return nil
            }
            return String(line.dropFirst(3)[..<end])
        }
    }

    @Test func everyKeyIsDocumentedAndEveryDocumentedKeyExists() {
        let names = Set(documented.map { String($0.prefix { $0 != "<" }) })
        #expect(names == Set(Keys.Name.allCases.map(\.rawValue)))
    }

    @Test func everyKeyHasThePrefixAndANameOfItsOwn() {
        let all = [
            keys.lease, keys.epoch, keys.store, keys.quarantine, keys.handover, keys.history, keys.host("a"),
            keys.hosts, keys.servers, keys.serversGeneration, keys.events, keys.news, keys.traffic,
            keys.flags, keys.flagsHistory,
            keys.config, keys.operation("1"), keys.operations, keys.operationsHistory, keys.commands,
            keys.command("1"), keys.orders("a"), keys.operationsOpened, keys.monkeys,
            keys.suspects, keys.witnesses,
        ]
        #expect(all.count == Keys.Name.allCases.count)
        #expect(Set(all).count == all.count)
        #expect(all.allSatisfy { $0.hasPrefix("troop:{demo}:") })
        for name in Keys.Name.allCases {
            #expect(all.filter { $0.hasPrefix(keys.prefix + name.rawValue) }.isEmpty == false)
        }
        #expect(keys.serversGeneration == "troop:{demo}:servers:gen")
        #expect(keys.host("web-1.example") == "troop:{demo}:host:web-1.example")
    }
}
