import Glibc

/// A proxy in the comparison: how it is started and where it listens.
struct Contender {
    let name: String
    let version: String
    /// Whether it writes an access log; printed, since a log costs time.
    let accessLog: String
    let words: [String]
    let port: UInt16
    /// Where it speaks TLS; nil where it does not.
    let securePort: UInt16?
    /// It understands what it passes on.
    var speaksHTTP = true

    /// What all of them are told.
    struct Terms {
        let backend: UInt16
        let rivals: String
        /// Connections of clients that each must have room for.
        let connections: Int
    }

    /// The certificate and key of all contenders, in the bench's folder.
    static let certificate = "site.pem"

    /// Troop's proxy, HAProxy, nginx and a bare relay, configured for one core and the given backend.
    static func all(on stage: Stage, core: Int, _ terms: Terms) throws(BenchFault) -> [Contender] {
        try makeCertificate(on: stage, core: core)
        return [
            try troop(on: stage, terms), try haproxy(on: stage, core: core, terms),
            try nginx(on: stage, core: core, terms), try relay(terms),
        ]
    }

    /// Troop's proxy, with its access log.
    static func troop(on stage: Stage, _ terms: Terms) throws(BenchFault) -> Contender {
        let (port, secure) = (try Loopback.freePort(), try Loopback.freePort())
        let file = "\(stage.folder)/\(certificate)"
        return Contender(
            name: "troop", version: "this tree, release build, 1 worker", accessLog: "on",
            words: [
                "\(Bench.programs())/bench-proxy", "--listen", "127.0.0.1:\(port)", "--backend",
                "127.0.0.1:\(terms.backend)", "--workers", "1", "--log", "\(stage.folder)/troop.access",
                "--tls", "127.0.0.1:\(secure)", "--certificate", file, "--key", file,
                "--connections", String(terms.connections),
            ], port: port, securePort: secure)
    }

    /// HAProxy, without a log.
    static func haproxy(on stage: Stage, core: Int, _ terms: Terms) throws(BenchFault) -> Contender {
        let haproxy = try program("haproxy")
        let file = "\(stage.folder)/haproxy.cfg"
        let (port, secure) = (try Loopback.freePort(), try Loopback.freePort())
        try fill(
            "\(terms.rivals)/haproxy.cfg.template", to: file, listen: port, secure: secure, terms, stage)
        return Contender(
            name: "haproxy", version: try firstLine(of: [haproxy, "-v"], on: stage, core: core),
            accessLog: "off", words: [haproxy, "-db", "-f", file], port: port, securePort: secure)
    }

    private static func nginx(on stage: Stage, core: Int, _ terms: Terms) throws(BenchFault) -> Contender {
        let nginx = try program("nginx")
        let file = "\(stage.folder)/nginx.conf"
        let (port, secure) = (try Loopback.freePort(), try Loopback.freePort())
        try fill("\(terms.rivals)/nginx.conf.template", to: file, listen: port, secure: secure, terms, stage)
        return Contender(
            name: "nginx", version: try firstLine(of: [nginx, "-v"], on: stage, core: core),
            accessLog: "on, buffered", words: [nginx, "-e", "stderr", "-p", stage.folder, "-c", file],
            port: port, securePort: secure)
    }

    private static func relay(_ terms: Terms) throws(BenchFault) -> Contender {
        let port = try Loopback.freePort()
        return Contender(
            name: "relay", version: "passes bytes unread: the floor", accessLog: "none",
            words: ["\(Bench.programs())/bench-relay", String(port), String(terms.backend)], port: port,
            securePort: nil, speaksHTTP: false)
    }

    /// Finds a program that Debian keeps in a folder which is not on every user's PATH.
    static func program(_ name: String) throws(BenchFault) -> String {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        for folder in path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/local/sbin"]
        where access("\(folder)/\(name)", X_OK) == 0 {
            return "\(folder)/\(name)"
        }
        throw BenchFault("\(name) is not installed; `scripts/bootstrap bench` installs it")
    }

    /// An ECDSA certificate of the bench's own, as most sites have one.
    static func makeCertificate(on stage: Stage, core: Int) throws(BenchFault) {
        let (key, certificate) = ("\(stage.folder)/key.pem", "\(stage.folder)/certificate.pem")
        _ = try stage.output(
            of: "openssl",
            [
                try program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
                "-subj", "/CN=bench.test", "-addext", "subjectAltName=DNS:bench.test",
            ], on: core, withinSeconds: 10)
        let text = (TextFile.read(certificate) ?? "") + (TextFile.read(key) ?? "")
        try TextFile.write(text, to: "\(stage.folder)/\(Contender.certificate)")
    }

    private static func fill(
        _ template: String, to path: String, listen: UInt16, secure: UInt16, _ terms: Terms, _ stage: Stage
    ) throws(BenchFault) {
        guard let text = TextFile.read(template) else {
            throw BenchFault(
                "cannot read \(template); run the bench from the project's folder or use --rivals")
        }
        let filled = text.replacing("@LISTEN@", with: "127.0.0.1:\(listen)")
            .replacing("@SECURE@", with: "127.0.0.1:\(secure)")
            .replacing("@BACKEND@", with: "127.0.0.1:\(terms.backend)")
            .replacing("@CONNECTIONS@", with: String(terms.connections))
            .replacing("@FOLDER@", with: stage.folder)
        try TextFile.write(filled, to: path)
    }

    private static func firstLine(
        of words: [String], on stage: Stage, core: Int
    ) throws(BenchFault) -> String {
        let output = try stage.output(of: "version", words, on: core, withinSeconds: 10)
        return String(output.prefix { $0 != "\n" }).replacing("nginx version: ", with: "")
    }
}
