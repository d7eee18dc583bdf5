/// The user that docs/redis-keys.md gives to agents, for tests that are to get by with no more.
package enum LeastRights {
    package static let user = "troop"
    package static let password = "least"

    /// The line of the documentation as it stands there, with `<password>` and `<cluster>` to be filled in; throws when
    /// there is none.
    package static func documented() throws -> String {
        let page = RedisServer.text(of: Repository.path("docs/redis-keys.md"))
        guard
            let line = page.split(separator: "\n").first(where: {
                $0.hasPrefix("user troop on") && $0.contains("~")
            })
        else { throw RedisServer.Fault(description: "docs/redis-keys.md has no line for the user troop") }
        return String(line)
    }

    /// The same for a cluster, as a redis.conf takes it.
    package static func line(cluster: String) throws -> String {
        try documented().replacing("<password>", with: password).replacing("<cluster>", with: cluster)
    }
}

extension RedisServer {
    /// Makes the user for a cluster; answers with the URL that signs in as him.
    package func addDocumentedUser(cluster: String) throws -> String {
        let words = try LeastRights.line(cluster: cluster).split(separator: " ").dropFirst().map(String.init)
        let answer = try command(["ACL", "SETUSER"] + words)
        guard answer.hasPrefix("+OK") else { throw Fault(description: "ACL SETUSER: \(answer)") }
        return "redis://\(LeastRights.user):\(LeastRights.password)@127.0.0.1:\(port)"
    }
}
