import Store

/// The files `credentials` and `config` that AWS's tools share.
struct SharedCredentialFiles: Sendable {
    let credentialsPath: String
    let configPath: String
    let read: @Sendable (String) -> [UInt8]?

    /// A profile's keys; nil when it has none and was not asked for by name.
    func credentials(profile: String, isNamed: Bool) throws(CredentialFault) -> AWSCredentials? {
        let own = SharedCredentialFiles.sections(read(credentialsPath) ?? [])[profile]
        let config = configSection(profile)
        for (values, path) in [(own, credentialsPath), (config, configPath)] {
            guard let values, let key = values["aws_access_key_id"] else { continue }
            guard let secret = values["aws_secret_access_key"], !secret.isEmpty else {
                throw CredentialFault(
                    description:
                        "profile '\(profile)' in \(path) has a key and no aws_secret_access_key; add it")
            }
            return AWSCredentials(
                accessKey: key, secretKey: Secret(secret),
                sessionToken: values["aws_session_token"].map { Secret($0) },
                source: "profile '\(profile)' in \(path)")
        }
        let others = ["role_arn", "credential_process", "sso_session", "sso_start_url"]
        if isNamed, let found = others.first(where: { own?[$0] != nil || config?[$0] != nil }) {
            throw CredentialFault(
                description:
                    "profile '\(profile)' uses \(found), which is not supported; give it keys, or give "
                    + "this host an instance role")
        }
        return nil
    }

    /// A profile's region.
    func region(profile: String) -> String? {
        configSection(profile)?["region"]
            ?? SharedCredentialFiles.sections(read(credentialsPath) ?? [])[profile]?["region"]
    }

    private func configSection(_ profile: String) -> [String: String]? {
        let sections = SharedCredentialFiles.sections(read(configPath) ?? [])
        return sections["profile \(profile)"] ?? (profile == "default" ? sections["default"] : nil)
    }

    /// The sections of such a file; what is no line of one is left out, as AWS's tools do.
    static func sections(_ bytes: [UInt8]) -> [String: [String: String]] {
        var sections: [String: [String: String]] = [:]
        var section: String?
        for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
            // A value of several lines (nested settings) is indented; none of them is read here.
            if line.first == " " || line.first == "\t" { continue }
            let text = trimmed(line)
            if text.isEmpty || text.hasPrefix("#") || text.hasPrefix(";") { continue }
            if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
                let name = trimmed(text[text.index(after: text.startIndex)..<end])
                section = name.split(separator: " ").joined(separator: " ")
                if let section, sections[section] == nil { sections[section] = [:] }
            } else if let section, let equals = text.firstIndex(of: "=") {
                let key = trimmed(text[..<equals]).lowercased()
                sections[section, default: [:]][key] = trimmed(text[text.index(after: equals)...])
            }
        }
        return sections
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
