import Election
import Fixtures
import Glibc
import Testing

@testable import Peer

@Suite struct TokenFileTests {
    private func folder() throws -> StateFolder {
        try StateFolder(path: "/tmp/troop-token-\(getpid()).\(UInt32.random(in: 0 ... .max))")
    }

    @Test func whatThisProcessHoldsIsNobodysToResign() throws {
        let folder = try folder()
        defer { RedisServer.removeFolder(folder.path) }
        let file = TokenFile(folder)
        #expect(file.holding == .nothing)
        try file.keep("a:n:7")
        let lease = try #require(Lease(token: "a:n:7"))
        #expect(file.holding == .alive(lease, pid: getpid()))
        file.forget()
        #expect(file.holding == .nothing)
    }

    @Test func aProcessThatIsGoneOrAnotherWithItsNumberIsDead() throws {
        let folder = try folder()
        defer { RedisServer.removeFolder(folder.path) }
        let file = TokenFile(folder)
        try file.keep("a:n:7")
        let path = "\(folder.path)/lease.json"
        let text = RedisServer.text(of: path)
        let lease = try #require(Lease(token: "a:n:7"))
        // The number belongs to another process now, by its start.
        let started = try #require(text.firstRange(of: "\"started\" : "))
        var other = text
        other.insert("9", at: started.upperBound)
        try RedisServer.write(other, to: path)
        #expect(file.holding == .dead(lease))
        // Another boot: nothing that ran then runs now.
        try RedisServer.write(text.replacing("\"bootID\" : \"", with: "\"bootID\" : \"x"), to: path)
        #expect(file.holding == .dead(lease))
        // What another process noted stays.
        try RedisServer.write(text.replacing("\"pid\" : \(getpid())", with: "\"pid\" : 1"), to: path)
        file.forget()
        #expect(file.holding == .dead(lease))
        try RedisServer.write("{}", to: path)
        #expect(file.holding == .nothing)
    }
}
