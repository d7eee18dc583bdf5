import Fixtures
import Linux
import Store
import Testing

/// Several reads as one command, against a real Redis.
@Suite struct QuestionTests {
    private func connection(_ url: String) throws -> StoreConnection {
        try StoreConnection.open(try settings(url), until: soon())
    }

    @Test func eachReplyIsAsIfItWereAskedForAlone() throws {
        let server = try RedisServer()
        let connection = try connection(server.url())
        _ = try connection.pipeline(
            [
                Command("SET", "text", "a\r\nb"), Command("HSET", "hash", "f", "", "g", "2"),
                Command("ZADD", "set", "1.5", "m"), Command("XADD", "stream", "1-1", "k", "v"),
            ], until: soon())
        let questions = [
            Question("GET", "text"), Question("GET", "nothing"), Question("HGETALL", "hash"),
            Question("HGETALL", "nothing"), Question("HGETALL", "text"), Question("PTTL", "text"),
            Question("ZRANGE", "set", "0", "-1", "WITHSCORES"),
            Question("XRANGE", "stream", "(0-0", "+", "COUNT", "16"), Question("EXISTS", "hash"),
        ]
        let alone = try connection.pipeline(questions.map(\.command), until: soon())
        #expect(try connection.ask(questions, until: soon()) == alone)
        #expect(alone[1] == .null && alone[3] == .array([]))
        guard case .error(let error) = alone[4] else {
            Issue.record("no error: \(alone[4])")
            return
        }
        #expect(error.code == "WRONGTYPE")
        #expect(try connection.ask([Question("TIME")], until: soon())[0].elements?.count == 2)
        // A server that forgot the script is sent the whole of it.
        _ = try connection.call(Command("SCRIPT", "FLUSH"), until: soon())
        #expect(try connection.ask(questions, until: soon()) == alone)
    }

    @Test func noQuestionAsksNothing() throws {
        let server = try RedisServer()
        let connection = try connection(server.url())
        #expect(try connection.ask([], until: soon()) == [])
    }

    @Test func aWordMayBeAnything() throws {
        let server = try RedisServer()
        let connection = try connection(server.url())
        let field = "3\r\n$1\r\na' .. redis.call('FLUSHALL') .. '"
        _ = try connection.call(Command("HSET", "hash", field, "v"), until: soon())
        let replies = try connection.ask([Question("HGET", "hash", field)], until: soon())
        #expect(replies == [.bulk(Array("v".utf8))])
    }

    @Test func aReadThatIsNotAllowedIsAMatterOfRights() throws {
        let server = try RedisServer()
        try server.command(
            "ACL", "SETUSER", "ann", "on", ">secret", "~mine*", "+eval", "+evalsha", "+hgetall")
        let connection = try connection(
            server.url().replacing("redis://", with: "redis://ann:secret@", maxReplacements: 1))
        let questions = [Question("HGETALL", "mine"), Question("GET", "mine")]
        let replies = try connection.ask(questions, until: soon())
        #expect(replies[0] == .array([]))
        guard case .error(let error) = replies[1] else {
            Issue.record("no error: \(replies[1])")
            return
        }
        #expect(error.kind == .configuration)
    }

    @Test func anAnswerToOtherQuestionsIsNone() {
        #expect(throws: StoreFault.self) { try Question.replies(in: .array([.null]), to: 2) }
        #expect(throws: StoreFault.self) { try Question.replies(in: .status("OK"), to: 1) }
    }
}
