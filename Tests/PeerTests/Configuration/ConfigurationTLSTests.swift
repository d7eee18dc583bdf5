import Linux
import Proxy
import Testing

@testable import Peer

@Suite struct ConfigurationTLSTests {
    private static let head = "cluster: demo\nredis: {url: 'redis://127.0.0.1:6379/0'}\n"

    @Test func tlsIsOffUnlessItIsGiven() throws {
        let read = try configuration(ConfigurationTLSTests.head)
        #expect(read.proxy.tls == nil && read.proxy.serverTLS == nil)
        #expect(read.proxy.upgrades == UpgradeSettings())
        #expect(read.proxySettings.tls == nil && read.proxySettings.serverTLS == nil)
    }

    @Test func everyOptionArrives() throws {
        let read = try configuration(
            ConfigurationTLSTests.head + """
                proxy:
                  upgrades: [WebSocket, chat]
                  upgrade_idle: 5m
                  tls:
                    listen: 127.0.0.1:8443
                    certificates: [/a.pem, /b.pem]
                    keys:
                      - /a.key
                      - /b.key
                    min_version: "1.3"
                    redirect: true
                    redirect_port: 443
                  server_tls: {enabled: true, ca_file: /ca.pem, server_name: app, verify: false, cert_file: /c.pem}
                """)
        var tls = ClientTLSSettings(
            listen: try SocketAddress("127.0.0.1:8443"),
            certificates: [
                CertificateFiles(certificate: "/a.pem", key: "/a.key"),
                CertificateFiles(certificate: "/b.pem", key: "/b.key"),
            ])
        tls.minimum = .tls13
        tls.redirects = true
        tls.redirectPort = 443
        #expect(read.proxy.tls == tls && read.proxySettings.tls == tls)
        var server = ServerTLSSettings()
        server.authority = "/ca.pem"
        server.serverName = "app"
        server.verifies = false
        server.client = CertificateFiles(certificate: "/c.pem", key: "/c.pem")
        #expect(read.proxySettings.serverTLS == server && read.healthSettings.tls == server)
        #expect(read.proxySettings.upgrades.protocols == ["websocket", "chat"])
        #expect(read.proxySettings.upgrades.idleMilliseconds == 300_000)
    }

    @Test func listsMayStandInTheEnvironmentAndBeEmpty() throws {
        let read = try configuration(
            ConfigurationTLSTests.head + "proxy: {upgrades: []}",
            ["TROOP_PROXY_TLS_LISTEN": "127.0.0.1:8443", "TROOP_PROXY_TLS_CERTIFICATES": "/a.pem, /b.pem"])
        #expect(read.proxy.tls?.certificates.map(\.key) == ["/a.pem", "/b.pem"])
        #expect(read.proxy.upgrades.protocols.isEmpty)
    }

    @Test(arguments: [
        (
            "proxy: {tls: {listen: '127.0.0.1:8443'}}",
            "troop.yaml:3:9: proxy.tls.certificates: is required and missing; "
                + "expected PEM files such as /etc/troop/site.pem"
        ),
        (
            "proxy: {tls: {certificates: [/a]}}",
            "troop.yaml:3:9: proxy.tls.listen: is required and missing; "
                + "expected the address for TLS such as 0.0.0.0:8443"
        ),
        (
            "proxy: {tls: {listen: '0.0.0.0:8080', certificates: [/a]}}",
            "troop.yaml:3:23: proxy.tls.listen: is proxy.listen, too; expected another port: "
                + "each speaks one of HTTP and TLS"
        ),
        (
            "proxy: {tls: {listen: '0.0.0.0:8443', certificates: [/a, /b], keys: /a}}",
            "troop.yaml:3:69: proxy.tls.keys: expected as many as proxy.tls.certificates, 2, got 1"
        ),
        (
            "proxy: {tls: {listen: '0.0.0.0:8443', certificates: [/a], min_version: 1.1}}",
            "troop.yaml:3:72: proxy.tls.min_version: expected one of 1.2, 1.3, got '1.1'"
        ),
        (
            "proxy: {server_tls: {ca_file: /a}}",
            "troop.yaml:3:9: proxy.server_tls: has no effect; expected proxy.server_tls.enabled: true with it"
        ),
        (
            "proxy: {server_tls: {enabled: true, key_file: /a}}",
            "troop.yaml:3:47: proxy.server_tls.key_file: given alone; expected proxy.server_tls.cert_file with it"
        ),
        (
            "proxy: {upgrades: [h2c]}",
            "troop.yaml:3:19: proxy.upgrades: 'h2c' would let requests pass this proxy unseen; "
                + "expected protocols such as websocket"
        ),
        (
            "proxy: {upgrades: ['a b']}",
            "troop.yaml:3:19: proxy.upgrades: expected protocols such as websocket, got 'a b'"
        ),
    ])
    func faultsSayWhereAndWhat(text: String, line: String) {
        #expect(faultLines(ConfigurationTLSTests.head + text) == [line])
    }
}
