import Glibc

/// A proxy in the comparison: how it is started and where it listens.
struct Contender {
    let name: String
    let version: String
    /// Whether it writes an access log; printed, since a log costs time.
    let accessLog: String
    let words: [String]
    let port: UInt16

    /// Troop's proxy, HAProxy and nginx, configured for one core and the given backend.
    static func all(
        on stage: Stage, core: Int, backend: UInt16, programs: String, rivals: String
    ) throws(BenchFault) -> [Contender] {
        let ports = (try Loopback.freePort(), try Loopback.freePort(), try Loopback.freePort())
        let troop = Contender(
            name: "troop", version: "this tree, release build, 1 worker", accessLog: "none",
            words: [
                "\(programs)/bench-proxy", "--listen", "127.0.0.1:\(ports.0)", "--backend",
                "127.0.0.1:\(backend)", "--workers", "1",
            ], port: ports.0)
        let haproxy = try program("haproxy")
        let nginx = try program("nginx")
        let haproxyFile = "\(stage.folder)/haproxy.cfg"
        let nginxFile = "\(stage.folder)/nginx.conf"
        try fill("\(rivals)/haproxy.cfg.template", to: haproxyFile, listen: ports.1, backend: backend, stage)
        try fill("\(rivals)/nginx.conf.template", to: nginxFile, listen: ports.2, backend: backend, stage)
        return [
            troop,
            Contender(
                name: "haproxy", version: try firstLine(of: [haproxy, "-v"], on: stage, core: core),
                accessLog: "off", words: [haproxy, "-db", "-f", haproxyFile], port: ports.1),
            Contender(
                name: "nginx", version: try firstLine(of: [nginx, "-v"], on: stage, core: core),
                accessLog: "off", words: [nginx, "-e", "stderr", "-p", stage.folder, "-c", nginxFile],
                port: ports.2),
        ]
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

    private static func fill(
        _ template: String, to path: String, listen: UInt16, backend: UInt16, _ stage: Stage
    ) throws(BenchFault) {
        guard let text = TextFile.read(template) else {
            throw BenchFault(
                "cannot read \(template); run the bench from the project's folder or use --rivals")
        }
        let filled = text.replacing("@LISTEN@", with: "127.0.0.1:\(listen)")
            .replacing("@BACKEND@", with: "127.0.0.1:\(backend)")
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
