/// One option: all that is known of it. The list of them drives the reading of the file and of the
/// environment, the suggestions for unknown keys, and the documentation.
struct ConfigurationOption: Sendable {
    enum Fallback: Sendable, Equatable {
        /// The start is refused without it.
        case required
        /// Required when anything of its section is given.
        case requiredInSection
        /// The text that stands for it when it is not given.
        case text(String)
        /// A value that is found out later, described.
        case derived(String)
        /// Nothing.
        case none
    }

    /// What the file may have in place of one text; either way it is read as one.
    enum Shape: Sendable, Equatable {
        /// Nothing else.
        case single
        /// A list of texts, joined by commas.
        case list
        /// A list of texts of any characters, as a program and its arguments; joined by `partSeparator`. In the
        /// environment they are parted by spaces.
        case arguments
        /// Names with texts, as tags; each `name=text`, joined by `partSeparator`. In the environment, by commas.
        case pairs

        /// Parts texts of any printable characters: no such text can hold it.
        static let partSeparator: Character = "\u{1f}"
    }

    /// The dotted key, as `election.ttl`.
    let key: String
    /// The name of the form of its values, with limits.
    let form: String
    /// What holds when it is not given.
    let fallback: Fallback
    /// What it does, in one sentence.
    let sentence: String
    /// True when it has no place in the file.
    let isEnvironmentOnly: Bool
    /// What the file may have in place of one text.
    let shape: Shape
    /// Reads a text into the draft; throws what was expected instead.
    let read: @Sendable (String, inout ConfigurationDraft) throws(ValueFault) -> Void

    /// The section's key; empty for the options at the top.
    var section: String { key.lastIndex(of: ".").map { String(key[..<$0]) } ?? "" }

    /// The last part of the key.
    var name: String { key.lastIndex(of: ".").map { String(key[key.index(after: $0)...]) } ?? key }

    /// The environment variable that goes over the file.
    var variable: String { "TROOP_" + key.replacing(".", with: "_").uppercased() }

    init<Value: Sendable>(
        _ key: String, _ form: ValueForm<Value>,
        into path: any WritableKeyPath<ConfigurationDraft, Value> & Sendable,
        _ fallback: Fallback, _ sentence: String, shape: Shape = .single
    ) {
        self.init(key, form.name, fallback, sentence, isEnvironmentOnly: false, shape: shape) {
            text, draft throws(ValueFault) in
            draft[keyPath: path] = try form.read(text)
        }
    }

    init<Value: Sendable>(
        _ key: String, _ form: ValueForm<Value>,
        into path: any WritableKeyPath<ConfigurationDraft, Value?> & Sendable,
        _ fallback: Fallback, _ sentence: String, isEnvironmentOnly: Bool = false, shape: Shape = .single
    ) {
        self.init(
            key, form.name, fallback, sentence, isEnvironmentOnly: isEnvironmentOnly, shape: shape
        ) {
            text, draft throws(ValueFault) in
            draft[keyPath: path] = try form.read(text)
        }
    }

    private init(
        _ key: String, _ form: String, _ fallback: Fallback, _ sentence: String, isEnvironmentOnly: Bool,
        shape: Shape,
        read: @escaping @Sendable (String, inout ConfigurationDraft) throws(ValueFault) -> Void
    ) {
        self.key = key
        self.form = form
        self.fallback = fallback
        self.sentence = sentence
        self.isEnvironmentOnly = isEnvironmentOnly
        self.shape = shape
        self.read = read
    }
}

/// All options, in the order of the documentation.
struct OptionTable: Sendable {
    let options: [ConfigurationOption]
    /// The keys of all sections, as `redis` and `redis.tls`.
    let sections: Set<String>
    private let byKey: [String: ConfigurationOption]

    init(_ options: [ConfigurationOption]) {
        self.options = options
        // A section within one that has no option of its own makes a section of that one, too.
        var sections: Set<String> = []
        for option in options where !option.isEnvironmentOnly {
            var section = option.section[...]
            while !section.isEmpty {
                sections.insert(String(section))
                section = section.lastIndex(of: ".").map { section[..<$0] } ?? ""
            }
        }
        self.sections = sections
        byKey = Dictionary(options.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The option that may stand under a key in the file.
    func fileOption(_ key: String) -> ConfigurationOption? {
        guard let option = byKey[key], !option.isEnvironmentOnly else { return nil }
        return option
    }

    /// The keys that may stand directly in a section, sections included, sorted.
    func keys(in section: String) -> [String] {
        let names = options.filter { $0.section == section && !$0.isEnvironmentOnly }.map(\.name)
        let inner = sections.filter { parent(of: $0) == section }.map { lastPart(of: $0) }
        return (names + inner).sorted()
    }

    /// The key that an unknown one most likely meant: of the same section, or else of any.
    func suggestion(for unknown: String) -> String? {
        let section = parent(of: unknown)
        let word = lastPart(of: unknown)
        if let name = nearest(to: word, among: keys(in: section).map { ($0, $0) }) {
            return section.isEmpty ? name : "\(section).\(name)"
        }
        let all = options.filter { !$0.isEnvironmentOnly }.map(\.key) + sections.sorted()
        return nearest(to: word, among: all.map { (lastPart(of: $0), $0) })
    }

    private func parent(of key: String) -> String {
        key.lastIndex(of: ".").map { String(key[..<$0]) } ?? ""
    }

    private func lastPart(of key: String) -> String {
        key.lastIndex(of: ".").map { String(key[key.index(after: $0)...]) } ?? key
    }
}
