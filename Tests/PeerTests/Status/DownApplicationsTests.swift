import Linux
import Peer
import Testing

@Suite struct DownApplicationsTests {
    private let now = Instant(nanoseconds: 1_000_000_000_000)

    private func book(_ servers: [String: String?], ageByStore: Int64 = 0, isUp: String? = "no") -> HostBook {
        var book = HostBook()
        let lines = servers.map { name, server in
            var fields = ["seq": "1", "interval_ms": "1000"]
            if let server { fields["server"] = server }
            fields["server_up"] = isUp
            return HostBook.Line(name: name, fields: fields, ageByStore: ageByStore)
        }
        book.take(lines, at: now)
        return book
    }

    private func down(
        _ book: HostBook, listed: [String] = [], hosts: Set<String> = [], excused: Set<String> = []
    ) throws -> [String] {
        DownApplications.found(
            in: book, listed: Set(try listed.map { try SocketAddress($0) }), hosts: hosts, excused: excused,
            at: now
        ).map(\.host)
    }

    @Test func anApplicationWhoseServerIsOffTheListIsDown() throws {
        let book = book(["a": "10.0.0.1:3000", "b": "10.0.0.2:3000", "c": nil])
        #expect(try down(book) == ["a", "b"], "a host without an application has none that is down")
        #expect(try down(book, listed: ["10.0.0.1:3000"]) == ["b"])
        #expect(try down(book, hosts: ["b"]) == ["a"], "an entry under the host's name will do")
        #expect(try down(book, excused: ["a"]) == ["b"])
    }

    /// One that a person took off the list, and one of which its agent says nothing (yet).
    @Test func anApplicationThatIsWellOrUnknownIsNotDown() throws {
        for isUp in ["yes", nil, "perhaps"] {
            #expect(try down(book(["a": "10.0.0.1:3000"], isUp: isUp)) == [])
        }
    }

    @Test func anotherSpellingOfAnAddressIsTheSame() throws {
        #expect(try down(book(["a": "[::ffff:10.0.0.1]:3000"]), listed: ["10.0.0.1:3000"]) == [])
    }

    @Test func silentHostsAndNonsenseCountForNothing() throws {
        #expect(try down(book(["a": "10.0.0.1:3000"], ageByStore: 60_000)) == [])
        #expect(try down(book(["a": "web-1"])) == [])
    }

    @Test func manyShareALine() throws {
        let few = try (1...2).map {
            DownApplications.Application(host: "web-\($0)", address: try SocketAddress("10.0.0.\($0):3000"))
        }
        let lines = DownApplications.notices(few)
        #expect(lines.count == 2)
        #expect(
            lines[0].hasPrefix("application on web-1 is down (10.0.0.1:3000): its server is off the list; "))
        #expect(DownApplications.areTold(by: ["the troop is paused by ada"] + lines))
        let many = try (1...9).map {
            DownApplications.Application(host: "web-\($0)", address: try SocketAddress("10.0.0.\($0):3000"))
        }
        let line = DownApplications.notices(many)
        #expect(line.count == 1)
        #expect(
            line[0].hasPrefix("applications on 9 hosts are down (web-1, web-2, web-3 and 6 more): "))
        #expect(DownApplications.areTold(by: line))
        #expect(DownApplications.notices([]) == [])
        #expect(!DownApplications.areTold(by: []))
    }
}
