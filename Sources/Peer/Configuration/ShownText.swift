/// A hostile text as a message may quote it: short, on one line, and hidden where it may hold a password.
func shown(_ text: String) -> String {
    let charactersMax = 48
    if text.contains("://"), text.contains("@") { return "(hidden)" }
    var result = ""
    for scalar in text.unicodeScalars.prefix(charactersMax) {
        let isControl = scalar.properties.generalCategory == .control
        let isFormat = scalar.properties.generalCategory == .format
        result += isControl || isFormat ? scalar.escaped(asASCII: true) : String(scalar)
    }
    if text.unicodeScalars.count > charactersMax { result += "…" }
    return result
}
