/// The user that docs/redis-keys.md gives to agents, with the rights that stand there and no others.
extension RedisServer {
    /// The password of that user in tests.
    private static let documentedPassword = "pw"

    /// Makes the user for a cluster; answers with the URL that signs in as him.
    package func addDocumentedUser(cluster: String) throws -> String {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        let page = RedisServer.text(of: root.joined(separator: "/") + "/docs/redis-keys.md")
        guard let line = page.split(separator: "\n").first(where: { $0.hasPrefix("user troop on") }) else {
            throw Fault(description: "docs/redis-keys.md names no user")
        }
        let password = RedisServer.documentedPassword
        let words = line.replacing("<password>", with: password).replacing("<cluster>", with: cluster)
            .split(separator: " ").dropFirst().map(String.init)
        let answer = try command(["ACL", "SETUSER"] + words)
        guard answer.hasPrefix("+OK") else { throw Fault(description: "ACL SETUSER: \(answer)") }
        return "redis://troop:\(password)@127.0.0.1:\(port)"
    }
}
