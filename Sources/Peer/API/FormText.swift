/// Texts that people give with a request.
enum FormText {
    /// So many Unicode scalars may a reason have, or a name.
    static let scalarsMax = 200

    /// The text, if it cannot take over a terminal or forge a line, and has no more than `max` scalars; throws what is
    /// wrong with it under its `name`. Without `max` any length is taken.
    @discardableResult
    static func plain(_ text: String, _ name: String, max: Int? = scalarsMax) throws(FormFault) -> String {
        let isPlain = text.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: false
            default: true
            }
        }
        guard let max else {
            if isPlain { return text }
            throw FormFault(sentence: "'\(name)' holds a control character; expected text on one line")
        }
        guard isPlain, text.unicodeScalars.count <= max else {
            throw FormFault(
                sentence: "'\(name)' is longer than \(max) characters or holds a control character")
        }
        return text
    }
}
