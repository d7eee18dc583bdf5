/// The folder that these tests were built from.
package enum Repository {
    /// Its absolute path.
    package static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

    /// The absolute path of something in it.
    package static func path(_ name: String) -> String { "\(root)/\(name)" }
}
