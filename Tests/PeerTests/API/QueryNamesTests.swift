import Fixtures
import Flags
import FoundationEssentials
import Testing

@testable import Peer

/// What the routes take in their queries: by the list that refuses strangers, by the description and by the sources.
@Suite struct QueryNamesTests {
    private static let methods = ["get", "post", "put", "patch", "delete"]

    private func text(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
    }

    private func queryNames(_ parameters: JSON?) throws -> [String] {
        guard case .array(let parameters) = parameters else { return [] }
        return try parameters.compactMap { parameter in
            guard parameter.members?["in"]?.text == "query" else { return nil }
            return try #require(parameter.members?["name"]?.text)
        }
    }

    /// Every route of docs/openapi.json with its queries' names, such as `GET /v1/operations/{id}?log`.
    private func described() throws -> Set<String> {
        let document = try JSONReader.read(Array(try text(Repository.path("docs/openapi.json")).utf8))
        let paths = try #require(document.members?["paths"]?.members)
        var lines: Set<String> = []
        for path in paths.members where path.name.hasPrefix("/v1/") {
            let shared = try queryNames(path.value.members?["parameters"])
            for member in path.value.members?.members ?? []
            where QueryNamesTests.methods.contains(member.name) {
                let names = shared + (try queryNames(member.value.members?["parameters"]))
                lines.insert(line(member.name.uppercased(), path.name, names))
            }
        }
        return lines
    }

    private func line(_ method: String, _ path: String, _ names: [String]) -> String {
        "\(method) \(path)?\(names.sorted().joined(separator: "&"))"
    }

    @Test func theDescriptionHasThemAllAndNoOthers() throws {
        let known = Set(QueryNames.routes.map { line($0.method, $0.path, $0.names) })
        #expect(known.count == QueryNames.routes.count)
        let described = try described()
        #expect(described == known, "\(described.symmetricDifference(known).sorted())")
    }

    /// A name that is read and not known would be refused before, and one that nobody reads would be passed over.
    @Test func whatTheSourcesReadIsKnownAndWhatIsKnownIsRead() throws {
        let folder = Repository.path("Sources/Peer")
        var read: Set<String> = []
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder)
        where name.hasSuffix(".swift") {
            for found in try text("\(folder)/\(name)").matches(of: /query\[\s*"([^"]*)"/) {
                read.insert("\(found.1)")
            }
        }
        #expect(read == Set(QueryNames.routes.flatMap(\.names)))
    }

    @Test(arguments: [
        ("GET", "/v1/history", "cuont", "there is count"), ("HEAD", "/v1/history", "cuont", "there is count"),
        ("GET", "/v1/events", "Kind", "there are since, count and kind"),
        ("GET", "/v1/hosts/a.b/history", "form", "there are from, step and series"),
        ("GET", "/v1/operations/7f3a-1", "logs", "there is log"),
        ("DELETE", "/v1/servers/10.0.0.9:3000", "reson", "there are by and reason"),
        ("PUT", "/v1/flags/new/ui", "reson", "there are by and reason"),
        ("POST", "/v1/flagset", "repalce", "there are replace, by and reason"),
        ("POST", "/v1/flags/ui", "by", "this path takes none"),
        ("GET", "/v1/flags", "x", "this path takes none"),
        ("GET", "/v1/stream", "", "this path takes none"),
        ("POST", "/v1/pause", "reason", "this path takes none"),
    ])
    func aNameThatARouteDoesNotKnowIsRefused(
        _ method: String, _ path: String, _ name: String, _ there: String
    ) throws {
        var request = Request.get(path, query: [name: "1"])
        request.method = method
        let answer = try #require(QueryNames.refusal(of: request))
        #expect(answer.status == 400 && answer.contentType == "application/json")
        let error = try JSONReader.read(answer.body).members?["error"]?.text
        #expect(error == "there is no parameter '\(name)'; \(there)")
    }

    @Test(arguments: [
        ("GET", "/v1/history", "count"), ("GET", "/v1/hosts/history/history", "series"),
        ("DELETE", "/v1/servers/[fd00::1]:80", "reason"), ("POST", "/v1/flagset", "replace"),
        // These have answers of their own, or are asked by programs that add what they like.
        ("PATCH", "/v1/history", "x"), ("GET", "/v1/nothing", "x"), ("GET", "/metrics", "x"),
        ("GET", "/health", "x"), ("POST", "/ofrep/v1/evaluate/flags/ui", "x"), ("GET", "/", "x"),
    ])
    func allOthersAreLeftToTheirRoutes(_ method: String, _ path: String, _ name: String) {
        var request = Request.get(path, query: [name: "1"])
        request.method = method
        #expect(QueryNames.refusal(of: request) == nil)
    }

    /// A stranger's name does not come back with what takes over a terminal.
    @Test func aNameIsShownInPlainText() throws {
        let answer = try #require(QueryNames.refusal(of: .get("/v1/status", query: ["\u{1B}[2J": ""])))
        #expect(!answer.body.contains(0x1B))
        #expect(!String(decoding: answer.body, as: UTF8.self).contains("\\u001b"))
    }

    @Test func theFeedAsksOnlyForWhatThereIs() {
        for section in LiveFeed.sections {
            #expect(
                QueryNames.refusal(of: .get(section.path, query: section.query)) == nil, "\(section.name)")
        }
    }
}
