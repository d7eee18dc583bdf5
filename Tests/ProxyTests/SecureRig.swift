import Linux
import Proxy
import Testing

/// A proxy that speaks TLS with clients, with certificates for `a.test` (the default), `b.test` and `*.c.test`.
struct SecureRig {
    let folder: CertificateFolder
    let rig: Rig
    let address: SocketAddress
    let client: SecureClient

    init(
        _ servers: [SocketAddress], workers: Int = 1, adjust: (inout ProxySettings) -> Void = { _ in },
        onNotice: @escaping @Sendable (CertificateNotice) -> Void = { _ in }
    ) throws {
        let folder = try CertificateFolder()
        try folder.add("a", "DNS:a.test,DNS:A.Other.test,IP:127.0.0.1")
        try folder.add("b", "DNS:b.test")
        try folder.add("c", "DNS:*.c.test,DNS:c.test")
        let files = ["a", "b", "c"].map {
            CertificateFiles(certificate: folder.certificate($0), key: folder.key($0))
        }
        let listen = try SocketAddress("127.0.0.1:0", allowingPortZero: true)
        rig = try Rig(
            servers, workers: workers,
            adjust: {
                var tls = ClientTLSSettings(listen: listen, certificates: files)
                tls.pollMilliseconds = 20
                $0.tls = tls
                adjust(&$0)
            }, onNotice: onNotice)
        self.folder = folder
        address = try #require(rig.proxy.secureAddress)
        client = try SecureClient(authority: folder.certificate("ca"))
    }

    var counts: HandshakeCounts { rig.proxy.snapshot().listener.tls }

    func connect(_ name: String? = "a.test") -> Wire? { client.connect(to: address, name: name) }
}
