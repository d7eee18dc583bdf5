/// The configuration of another proxy, from the benchmark's template.
package enum RivalConfiguration {
    /// Connections that a rival is to bear; the table makes one after the other.
    private static let connections = 1000

    /// The template filled in for plain HTTP alone: what it says of TLS is left out, with the certificates that it would
    /// need.
    package static func plain(
        _ template: String, listen: String, backend: String, folder: String
    ) -> String {
        template.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.contains("ssl") }.joined(separator: "\n")
            .replacing("@LISTEN@", with: listen).replacing("@BACKEND@", with: backend)
            .replacing("@CONNECTIONS@", with: "\(connections)").replacing("@FOLDER@", with: folder)
    }
}
