extension String {
    /// The text fit for a line of a log: cut after `max` Unicode scalars, and without control characters.
    func printable(max: Int = 200) -> String {
        var clean = ""
        for scalar in unicodeScalars.prefix(max) {
            clean.unicodeScalars.append(scalar.properties.generalCategory == .control ? "?" : scalar)
        }
        return unicodeScalars.count > max ? clean + "…" : clean
    }
}
