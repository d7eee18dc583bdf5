import Glibc

/// Prometheus' own checker, where it is installed.
package enum Promtool {
    private static let places: [String] = ["/usr/bin/promtool", "/usr/local/bin/promtool"]

    /// Where it is; nil where it is not.
    package static let path = places.first { access($0, X_OK) == 0 }

    /// Why tests are skipped without it.
    package static let need = "needs promtool; 'scripts/bootstrap test' installs it"

    /// What it says against a page of metrics, line by line; throws where it is not installed.
    ///
    /// node_exporter's own check lets its names of memory pass, and so does this one: they are the kernel's.
    package static func complaints(about page: String) throws -> [String] {
        guard let path else { throw RedisServer.Fault(description: need) }
        var template = Array("/tmp/troop-page-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw RedisServer.Fault(description: "mkdtemp") }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { RedisServer.removeFolder(folder) }
        try RedisServer.write(page, to: "\(folder)/metrics")
        try RedisServer.write(
            "\(path) check metrics < \(folder)/metrics || true", to: "\(folder)/check")
        let log = "\(folder)/log"
        try RedisServer.runToEnd(["/bin/sh", "\(folder)/check"], log: log)
        return RedisServer.text(of: log).split(separator: "\n").map(String.init).filter { line in
            !(line.hasPrefix("node_memory_") && line.contains("'snake_case'"))
        }
    }
}
