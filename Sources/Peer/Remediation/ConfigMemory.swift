/// What one leadership remembers of the hash `config`: a Redis that lost its memory has lost the brakes that people set, too,
/// and gets them back.
///
/// The field `kept` tells a hash that was emptied from one in which people have cleared every field.
struct ConfigMemory: Sendable, Equatable {
    /// The mark that the hash is the one that was seen before.
    static let mark = "kept"
    /// The queue's own place: in an empty store it begins anew.
    private static let left: Set = ["commands_cursor"]

    private var known: [String: String] = [:]

    /// Takes a reading; answers with the fields as they count from now on, and with those to be written.
    mutating func take(_ fields: [String: String]) -> (fields: [String: String], missing: [String: String]) {
        if fields[ConfigMemory.mark] != nil || known.isEmpty {
            known = fields
            known[ConfigMemory.mark] = "1"
            return (fields, fields[ConfigMemory.mark] == nil ? [ConfigMemory.mark: "1"] : [:])
        }
        // What stands there already was said since.
        let missing = known.filter { fields[$0.key] == nil && !ConfigMemory.left.contains($0.key) }
        return (fields.merging(missing) { current, _ in current }, missing)
    }
}
