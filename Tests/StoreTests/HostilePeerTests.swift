import Fixtures
import Linux
import Store
import Testing

@Suite struct HostilePeerTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// Opens a connection to a server that greets well, then calls PING on it.
    private func ping(_ steps: [FakeServer.Step], milliseconds: Int64 = 200) throws -> (
        StoreFault?, Int64, Bool
    ) {
        let server = try FakeServer([.take, .give(FakeServer.ok)] + steps)
        defer { withExtendedLifetime(server) {} }
        let connection = try StoreConnection.open(try settings(server.url), until: soon())
        let start = Instant.now()
        var fault: StoreFault?
        do throws(StoreFault) {
            _ = try connection.call(Command("PING"), until: start.advanced(milliseconds: milliseconds))
        } catch { fault = error }
        return (fault, Instant.now().milliseconds(since: start), connection.isOpen)
    }

    @Test func garbageClosesTheConnection() throws {
        for text in ["HTTP/1.1 400 Bad Request\r\n\r\n", "\u{0}\u{1}\u{2}", "*2147483647\r\n"] {
            let (fault, _, isOpen) = try ping([.take, .give(bytes(text)), .hold], milliseconds: 5000)
            guard case .malformed = fault else {
                Issue.record("\(String(describing: fault))")
                continue
            }
            #expect(!isOpen)
        }
    }

    @Test func moreRepliesThanCommandsCloseTheConnection() throws {
        let (fault, _, isOpen) = try ping(
            [.take, .give(bytes("+PONG\r\n+PONG\r\n")), .hold], milliseconds: 5000)
        #expect(fault == .malformed("more replies than commands"))
        #expect(!isOpen)
    }

    @Test func anEndInTheMiddleIsUnreachable() throws {
        let (fault, _, isOpen) = try ping([.take, .give(bytes("$10\r\nabc"))], milliseconds: 5000)
        guard case .unreachable = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        #expect(!isOpen)
    }

    @Test func aPeerThatDribblesIsLeftAtTheDeadline() throws {
        let (fault, elapsed, isOpen) = try ping([.take, .give(bytes("+")), .dribble(120)])
        guard case .timeout = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        #expect((200..<2000).contains(elapsed))
        #expect(!isOpen)
    }

    @Test func aPeerThatFloodsIsCutOff() throws {
        let (fault, elapsed, isOpen) = try ping(
            [.take, .give(bytes("*1000000\r\n")), .flood(bytes(String(repeating: "$100\r\n", count: 500)))])
        #expect(fault != nil)
        #expect(elapsed < 2000)
        #expect(!isOpen)
    }

    @Test func unaskedBytesMakeAConnectionUnusable() async throws {
        let server = try FakeServer([.take, .give(bytes("+OK\r\n")), .take, .give(bytes("+PONG\r\n")), .hold])
        let connection = try StoreConnection.open(try settings(server.url), until: soon())
        #expect(connection.isUsable())
        let talker = try FakeServer([.take, .give(bytes("+OK\r\n")), .dribble(43)])
        let other = try? StoreConnection.open(try settings(talker.url), until: soon())
        // Either the greeting already found too much, or the quiet check does.
        #expect(await eventually { other?.isUsable() != true })
    }

    @Test func aPeerThatHangsUpDuringTheGreetingIsUnreachable() throws {
        let server = try FakeServer([])
        let fault = #expect(throws: StoreFault.self) {
            try StoreConnection.open(try settings(server.url), until: soon())
        }
        guard case .unreachable = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
    }
}
