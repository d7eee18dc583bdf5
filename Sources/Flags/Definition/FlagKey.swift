/// The rules for names of flags, and the fields beside them that are no flags.
package enum FlagKey {
    /// The field that holds the shared rules (`$evaluators` of a flagd file).
    package static let evaluators = "$evaluators"
    /// The field that holds what is told of every flag (`metadata` of a flagd file).
    package static let metadata = "$metadata"

    /// The longest name, in bytes.
    package static let bytesMax = 256

    /// What is wrong with a flag's name; nil when nothing is.
    package static func fault(_ key: String) -> String? {
        if key.isEmpty { return "a flag's name is empty" }
        if key.utf8.count > bytesMax {
            return "the flag's name has \(key.utf8.count) bytes; it may have \(bytesMax)"
        }
        for scalar in key.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
                return "the flag's name '\(key.quotable)' holds a control character"
            default: continue
            }
        }
        if key.hasPrefix("$") {
            return "the flag's name '\(key.quotable)' begins with '$'; only \(evaluators) and \(metadata) do"
        }
        return nil
    }

    /// What is wrong with the name of a field of the flags' hash; nil when nothing is.
    package static func fieldFault(_ key: String) -> String? {
        key == evaluators || key == metadata ? nil : fault(key)
    }
}
