import CloudFixture
import Fixtures
import Linux
import Peer
import Testing

/// The leader's address at a cloud that speaks EC2's query API.
@Suite(.serialized, .enabled(if: TestCloud.obstacle == nil, "\(TestCloud.obstacle ?? "")"))
struct ElasticAddressTests {
    @Test(.timeLimit(.minutes(3))) func theElasticIPGoesWithTheLeadership() async throws {
        let cloud = try TestCloud()
        let machines = try cloud.machines(2)
        let names = ["a", "b"]
        let instances = Dictionary(uniqueKeysWithValues: zip(names, machines.instances))
        let troop = try Ensemble(
            names,
            election: """
                elastic_ip: {allocation: \(machines.allocation), check: 1s}
                remediation:
                  provider: \(cloud.section)
                """)
        for name in names {
            try troop.startAgent(name, environment: cloud.environment(instance: instances[name]))
        }
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 2) }
        try #require(isUp, "\(troop.logs)")
        func holder() throws -> String? { try cloud.done("AssociateAddress").last?.instance }
        func told() throws -> Int {
            try troop.redis.command("XRANGE", "troop:{test}:events", "-", "+")
                .split(separator: "elastic_ip.taken").count - 1
        }
        let old = try #require(troop.status()?.leader?.host)
        #expect(try await eventually { try holder() == instances[old] && told() == 1 }, "\(troop.logs)")
        let killed = try troop.killAgent(old)
        let new = try #require(names.first { $0 != old })
        #expect(try await eventually { try holder() == instances[new] }, "\(troop.logs)")
        print("  Elastic IP moved \(Instant.now().milliseconds(since: killed)) ms after kill -9")
        #expect(try await eventually { try told() == 2 }, "\(troop.logs)")
        // Each took it once: nobody takes what he has.
        #expect(try cloud.done("AssociateAddress").count == 2)
    }
}
