/// The version of this build.
package enum Version {
    /// Semantic version, as in CHANGELOG.md.
    package static let text = "0.1.0"
}
