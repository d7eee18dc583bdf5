import Fixtures
import Glibc
import Linux
import Testing

@testable import Peer

/// Holds `docs/configuration.md` to the list of options.
///
/// `TROOP_TEST_WRITE_DOCS=1 swift test --filter ConfigurationPageTests` writes the page's table anew.
@Suite struct ConfigurationPageTests {
    private static let begin = "<!-- options: written from the list in the source -->\n"
    private static let end = "<!-- end of options -->\n"

    private let path = Repository.path("docs/configuration.md")

    private func page() throws -> (before: String, options: String, after: String) {
        let bytes = try TextFile.read(path, bytesMax: 1 << 20).bytes
        let text = String(decoding: bytes, as: UTF8.self)
        let begin = try #require(text.firstRange(of: Self.begin))
        let end = try #require(text.firstRange(of: Self.end))
        return (
            String(text[..<begin.upperBound]), String(text[begin.upperBound..<end.lowerBound]),
            String(text[end.lowerBound...])
        )
    }

    private func optionTables() -> String {
        var text = ""
        var section: Substring?
        for option in OptionTable.troop.options {
            let top = option.key.contains(".") ? option.key.prefix { $0 != "." } : ""
            if top != section {
                text += "\n### \(top.isEmpty ? "At the top" : "`\(top)`")\n\n"
                text += "| key | values | default | what it does |\n|---|---|---|---|\n"
                section = top
            }
            let key = option.isEnvironmentOnly ? "`\(option.variable)` (variable only)" : "`\(option.key)`"
            text += "| \(key) | \(option.form) | \(fallback(option)) | \(option.sentence) |\n"
        }
        return text + "\n"
    }

    private func fallback(_ option: ConfigurationOption) -> String {
        switch option.fallback {
        case .required: "**required**"
        case .requiredInSection: "**required** in its section"
        case .text(let text): "`\(text)`"
        case .derived(let text): text
        case .none: "none"
        }
    }

    @Test func thePageListsEveryOptionAsItIs() throws {
        if getenv("TROOP_TEST_WRITE_DOCS") != nil {
            let page = try page()
            try write(Array((page.before + optionTables() + page.after).utf8), to: path, mode: 0o644)
        }
        #expect(try page().options == optionTables())
    }

    @Test func theExampleOnThePageIsAGoodConfiguration() throws {
        let text = try page().before
        let start = try #require(text.firstRange(of: "```yaml\n"))
        let rest = text[start.upperBound...]
        let stop = try #require(rest.firstRange(of: "```"))
        let read = try configuration(
            String(rest[..<stop.lowerBound]), ["TROOP_REDIS_PASSWORD": "instead of the file"])
        #expect(read.cluster == "demo")
        #expect(read.server?.listen.port == 3000)
    }

    @Test func everySentenceIsOne() {
        for option in OptionTable.troop.options {
            #expect(option.sentence.hasSuffix("."), "\(option.key)")
            #expect(!option.sentence.contains("|"), "\(option.key)")
        }
    }
}
