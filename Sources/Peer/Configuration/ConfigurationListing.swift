import Linux

/// One option as it is in force.
package struct ConfigurationLine: Codable, Sendable, Equatable {
    /// Where a value comes from.
    package enum Origin: String, Codable, Sendable { case file, environment, `default`, derived, none }

    /// The dotted key, as `election.ttl`.
    package var key: String
    /// The value, secrets as `***`; nil where there is none.
    @OrNull package var value: String?
    package var origin: Origin
    /// The line of the file or the name of the variable; for a derived value, what it is derived from.
    package var place: String
}

extension Configuration {
    /// Every option as it is in force, in the order of the documentation; throws every fault that was found.
    package static func listing(
        path: String, environment: [String: String]
    ) throws(ConfigurationFault) -> [ConfigurationLine] {
        let configuration = try load(path: path, environment: environment)
        let bytes: [UInt8]
        do throws(TextFileFault) {
            bytes = try TextFile.read(path, bytesMax: fileBytesMax).bytes
        } catch {
            throw ConfigurationFault(lines: ["\(path): \(error.text)"])
        }
        var reader = ConfigurationReader(table: .troop, file: path)
        let text = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? Array(bytes.dropFirst(3)) : bytes
        reader.read(try? YAMLComposer.compose(text))
        reader.read(environment: environment)
        return OptionTable.troop.options.map { configuration.line(of: $0, reader) }
    }

    private func line(of option: ConfigurationOption, _ reader: ConfigurationReader) -> ConfigurationLine {
        let isSecret = option.name == "password"
        if let place = reader.places[option.key], let text = reader.texts[option.key] {
            let value =
                isSecret ? "***" : Configuration.masked(text, hidesPath: option.key == "notify.webhook.url")
            switch place {
            case .file(let mark):
                return ConfigurationLine(
                    key: option.key, value: value, origin: .file, place: "line \(mark.line)")
            case .environment(let variable):
                return ConfigurationLine(key: option.key, value: value, origin: .environment, place: variable)
            }
        }
        switch option.fallback {
        case .text(let text):
            return ConfigurationLine(key: option.key, value: text, origin: .default, place: "")
        case .derived(let source):
            return ConfigurationLine(
                key: option.key, value: derived(option.key), origin: .derived, place: source)
        case .required, .requiredInSection, .none:
            return ConfigurationLine(key: option.key, value: nil, origin: .none, place: "")
        }
    }

    /// What was found out for an option that was not given; nil where only its description tells.
    private func derived(_ key: String) -> String? {
        switch key {
        case "host.name": host.name
        case "host.address": host.address
        case "peer.listen": peer.listen.description
        case "proxy.workers": "\(proxy.workers)"
        case "election.quarantine":
            QuantityUnit.text(election.quarantineMilliseconds, in: QuantityUnit.durations)
        default: nil
        }
    }

    /// A value without the passwords that may stand in it: everything between `://` and the last `@` of a URL but for the
    /// user, and, where paths are secrets, all that follows the host.
    static func masked(_ text: String, hidesPath: Bool = false) -> String {
        guard let scheme = text.firstRange(of: "://") else {
            return text.replacing(String(ConfigurationOption.Shape.partSeparator), with: " ")
        }
        if hidesPath {
            let host = text[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
            let name = host.lastIndex(of: "@").map { host[host.index(after: $0)...] } ?? host
            return text[..<scheme.upperBound] + name + (host.endIndex == text.endIndex ? "" : "/***")
        }
        guard let at = text.lastIndex(of: "@"), at >= scheme.upperBound else { return text }
        let user = text[scheme.upperBound..<at].prefix { $0 != ":" }
        return text[..<scheme.upperBound] + user + ":***" + text[at...]
    }
}
