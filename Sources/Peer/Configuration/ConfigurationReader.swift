/// Reads a tree and the environment into a draft by the table of options, collecting every fault.
struct ConfigurationReader {
    private let table: OptionTable
    private(set) var draft = ConfigurationDraft()
    /// Where each option was given; the environment's place when it was given in both.
    private(set) var places: [String: ValuePlace] = [:]
    /// What stands there, for who lists it; secrets are among them.
    private(set) var texts: [String: String] = [:]
    /// The keys of the sections that stand in the file.
    private(set) var sectionMarks: [String: YAMLMark] = [:]
    var faults: FaultList

    /// A reader whose draft holds the defaults.
    init(table: OptionTable, file: String) {
        self.table = table
        faults = FaultList(file: file)
        for option in table.options {
            guard case .text(let text) = option.fallback else { continue }
            do throws(ValueFault) {
                try option.read(text, &draft)
            } catch {
                preconditionFailure("the default of \(option.key) is no value of it: \(error.text)")
            }
        }
    }

    /// Reads the file's tree; nil is a file without any value.
    mutating func read(_ root: YAMLNode?) {
        guard let root else { return }
        guard case .mapping(let entries) = root.content else {
            faults.add(
                .file(root.mark), "",
                "expected keys with values, as 'cluster: demo', got \(root.kind)")
            return
        }
        read(entries, section: "")
    }

    private mutating func read(_ entries: [YAMLEntry], section: String) {
        for entry in entries where !faults.isFull {
            let key = section.isEmpty ? entry.key : "\(section).\(entry.key)"
            if let option = table.fileOption(key) {
                read(entry.value, as: option)
            } else if table.sections.contains(key) {
                sectionMarks[key] = entry.mark
                let known = table.keys(in: key).joined(separator: ", ")
                switch entry.value.content {
                case .mapping(let inner): read(inner, section: key)
                case .scalar, .list:
                    faults.add(
                        .file(entry.value.mark), key,
                        "expected a section with keys of \(known), got \(entry.value.kind)")
                }
            } else {
                readUnknown(key, section: section, at: entry.mark)
            }
        }
    }

    private mutating func read(_ node: YAMLNode, as option: ConfigurationOption) {
        switch (option.shape, node.content) {
        case (.list, .list(let nodes)): return read(nodes, joinedBy: ",", as: option, of: node)
        case (.arguments, .list(let nodes)):
            return read(
                nodes, joinedBy: String(ConfigurationOption.Shape.partSeparator), as: option, of: node)
        case (.pairs, .mapping(let entries)): return read(entries, as: option, of: node)
        case (.single, _), (.list, _), (.arguments, _), (.pairs, _): break
        }
        guard case .scalar(let text, _) = node.content else {
            faults.add(.file(node.mark), option.key, "expected one value (\(option.form)), got \(node.kind)")
            return
        }
        guard !node.isNothing else {
            faults.add(
                .file(node.mark), option.key,
                "has no value; expected \(option.form), or no such key at all")
            return
        }
        read(text, as: option, at: .file(node.mark))
    }

    private mutating func read(
        _ nodes: [YAMLNode], joinedBy separator: String, as option: ConfigurationOption, of list: YAMLNode
    ) {
        var texts: [String] = []
        for node in nodes {
            guard let text = text(node, "a list of texts", of: option) else { return }
            texts.append(text)
        }
        read(texts.joined(separator: separator), as: option, at: .file(list.mark))
    }

    private mutating func read(
        _ entries: [YAMLEntry], as option: ConfigurationOption, of mapping: YAMLNode
    ) {
        var texts: [String] = []
        for entry in entries {
            guard let text = text(entry.value, "names with texts", of: option) else { return }
            texts.append("\(entry.key)=\(text)")
        }
        read(
            texts.joined(separator: String(ConfigurationOption.Shape.partSeparator)), as: option,
            at: .file(mapping.mark))
    }

    private mutating func text(
        _ node: YAMLNode, _ expected: String, of option: ConfigurationOption
    ) -> String? {
        if case .scalar(let text, _) = node.content, !node.isNothing,
            !text.contains(ConfigurationOption.Shape.partSeparator)
        {
            return text
        }
        faults.add(
            .file(node.mark), option.key, "expected \(expected) (\(option.form)), got \(node.kind)")
        return nil
    }

    private mutating func read(_ text: String, as option: ConfigurationOption, at place: ValuePlace) {
        places[option.key] = place
        texts[option.key] = text
        do throws(ValueFault) {
            try option.read(text, &draft)
        } catch {
            faults.add(place, option.key, error.text)
        }
    }

    private mutating func readUnknown(_ key: String, section: String, at mark: YAMLMark) {
        if key == "redis.password" || key == "redis.sentinel.password" {
            faults.add(
                .file(mark), key,
                "a password has no place in this file; expected \(key)_file, or the variable "
                    + "TROOP_\(key.replacing(".", with: "_").uppercased())")
            return
        }
        if let suggestion = table.suggestion(for: key) {
            faults.add(.file(mark), shown(key), "unknown key; did you mean \(suggestion)?")
        } else {
            let known = table.keys(in: section).joined(separator: ", ")
            let place = section.isEmpty ? "here" : "in \(section)"
            faults.add(.file(mark), shown(key), "unknown key; expected \(place) one of \(known)")
        }
    }

    /// Reads the variables that go over the file; an empty one counts as not given.
    mutating func read(environment: [String: String]) {
        for option in table.options {
            guard let text = environment[option.variable], !text.isEmpty else { continue }
            read(text, as: option, at: .environment(option.variable))
        }
    }

    /// One line for each variable that is nearly one of ours.
    func typos(in environment: [String: String]) -> [String] {
        let ownVariables = Set(table.options.map(\.variable))
        let others: Set = ["TROOP_SOCKET"]  // read by the command line
        let strangers = environment.keys.filter {
            $0.hasPrefix("TROOP_") && !ownVariables.contains($0) && !others.contains($0)
        }
        return strangers.sorted().compactMap { variable in
            let near = ownVariables.filter { editDistance(String(variable.prefix(64)), $0) <= 2 }
            guard let near = near.min() else { return nil }
            return faults.line(
                .environment(shown(variable)), "unknown variable, ignored; did you mean \(near)?")
        }
    }
}
