/// Which certificate answers for which name: exact names before wildcards, earlier certificates before later ones.
struct CertificateNames: Equatable, Sendable {
    private var exact: [String: Int] = [:]
    /// By what follows `*.`.
    private var wildcards: [String: Int] = [:]

    /// The names of each certificate, in order and in lower case.
    init(_ certificates: [[String]]) {
        for (index, names) in certificates.enumerated() {
            for name in names where !name.utf8.contains(0) {
                if name.hasPrefix("*.") {
                    let rest = String(name.dropFirst(2))
                    if !rest.contains("*"), wildcards[rest] == nil { wildcards[rest] = index }
                } else if !name.contains("*"), exact[name] == nil {
                    exact[name] = index
                }
            }
        }
    }

    /// The certificate for a name in lower case; a wildcard stands for one label (RFC 6125 §6.4.3). 0, the
    /// default, when none is for it.
    func pick(_ name: String) -> Int {
        if let index = exact[name] { return index }
        guard let dot = name.firstIndex(of: "."), dot > name.startIndex else { return 0 }
        return wildcards[String(name[name.index(after: dot)...])] ?? 0
    }
}
