import Conformance
import Fixtures
import Testing

/// The benchmark's templates as `make conformance` uses them.
@Suite struct RivalConfigurationTests {
    @Test(arguments: ["haproxy.cfg.template", "nginx.conf.template"])
    func nothingIsLeftToFillIn(_ name: String) throws {
        let template = RedisServer.text(of: Repository.path("Benchmarks/rivals/\(name)"))
        try #require(template.contains("@LISTEN@") && template.contains("@BACKEND@"))
        let filled = RivalConfiguration.plain(
            template, listen: "127.0.0.1:8080", backend: "127.0.0.1:3000", folder: "/tmp/rivals")
        #expect(filled.contains("127.0.0.1:8080") && filled.contains("127.0.0.1:3000"))
        #expect(filled.split(separator: "\n").filter { $0.contains("@") && !$0.contains("#") } == [])
    }
}
