import Fixtures
import FoundationEssentials
import Peer
import Testing

/// The list of kinds, held to the page that describes them and to the sources that tell them.
@Suite struct EventKindsTests {
    private func text(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
    }

    @Test func theDocumentationHasThemAll() throws {
        let page = try text(Repository.path("docs/api.md"))
        let start = try #require(page.firstRange(of: "| kind | told by | when |"))
        var described: [String] = []
        let rows = page[start.upperBound...].split(separator: "\n").prefix { $0.hasPrefix("|") }
        for line in rows.dropFirst() {
            // Words in the first cell's quotes; one that begins with a point goes on from the one before.
            let cell = line.dropFirst(2).prefix { $0 != "|" }
            for (index, word) in cell.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            where index % 2 == 1 {
                let first = described.last?.prefix { $0 != "." } ?? ""
                described.append(word.hasPrefix(".") ? "\(first)\(word)" : "\(word)")
            }
        }
        #expect(Set(described) == Set(EventKinds.all))
        #expect(described.count == Set(described).count && EventKinds.all.count == Set(EventKinds.all).count)
    }

    /// Whatever stands before a severity, or is called a kind, is on the list.
    @Test func whatIsToldIsOnTheList() throws {
        let folder = Repository.path("Sources/Peer")
        var told: Set<String> = []
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder)
        where name.hasSuffix(".swift") {
            let source = try text("\(folder)/\(name)")
            for found in source.matches(of: /"([a-z_]+\.[a-z_]+)",\s*\.(?:info|notice|warning|error)\b/) {
                told.insert("\(found.1)")
            }
            for found in source.matches(of: /(?:kind: |return \()"([a-z_]+\.[a-z_]+)"/) {
                told.insert("\(found.1)")
            }
        }
        #expect(told.count > 40, "\(told.sorted())")
        #expect(told.subtracting(EventKinds.all).isEmpty, "\(told.subtracting(EventKinds.all))")
    }

    @Test func firstWordsAndKindsAreKnownAndNothingElse() {
        for text in ["server", "server.unhealthy", "elastic_ip.taken", "vip"] {
            #expect(EventKinds.has(text), "\(text)")
        }
        for text in ["", ".", "server.", "server.ill", "serv", "unhealthy", "server.state.x"] {
            #expect(!EventKinds.has(text), "\(text)")
        }
        #expect(EventKinds.list.hasPrefix("agent (started, stopped), application (up, down), "))
    }
}
