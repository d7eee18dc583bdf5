extension Case {
    static var requestLines: [Case] {
        let line = "9112 §3"
        let host = "\r\nHost: x\r\n\r\n"
        return [
            Case("two spaces before the target", line, "GET  / HTTP/1.1" + host, .refused(400)),
            Case("two spaces before the version", line, "GET /  HTTP/1.1" + host, .refused(400)),
            Case("a tab before the target", line, "GET\t/ HTTP/1.1" + host, .refused(400)),
            Case("a tab before the version", line, "GET /\tHTTP/1.1" + host, .refused(400)),
            Case("a vertical tab before the version", line, "GET /\u{b}HTTP/1.1" + host, .refused(400)),
            Case("a CR before the version", line, "GET /\rHTTP/1.1" + host, .refused(400)),
            Case("a space after the version", line, "GET / HTTP/1.1 " + host, .refused(400)),
            Case("a space before the method", line, " GET / HTTP/1.1" + host, .refused(400)),
            Case("a space within the target", line, "GET /a b HTTP/1.1" + host, .refused(400)),
            Case("no target", line, "GET HTTP/1.1" + host, .refused(400)),
            Case("no version: HTTP/0.9", line, "GET /\r\n\r\n", .refused(400)),
            Case("no version, but fields", line, "GET /" + host, .refused(400)),
            Case("a method that is no token", "9110 §9.1", "G(T / HTTP/1.1" + host, .refused(400)),
            Case("a method with NUL", "9110 §9.1", "GE\u{0}T / HTTP/1.1" + host, .refused(400)),
            Case(
                "an unknown method passes", "9110 §9.1", "FROB / HTTP/1.1" + host,
                .forwarded("FROB / HTTP/1.1\r\nHost: x\r\n" + added("x"), keeps: true)),
            Case(
                "a method in lower case is another method", "9110 §9.1", "get / HTTP/1.1" + host,
                .forwarded("get / HTTP/1.1\r\nHost: x\r\n" + added("x"), keeps: true)),
            Case(
                "a method of 33 bytes", "9110 §16.1",
                String(repeating: "M", count: 33) + " / HTTP/1.1" + host, .refused(501)),
            Case("a method without end", "9112 §3", String(repeating: "M", count: 20_000), .refused(501)),
            Case("CONNECT", "9110 §9.3.6", "CONNECT x:443 HTTP/1.1" + host, .refused(501)),
            Case("CONNECT with a path", "9110 §9.3.6", "CONNECT / HTTP/1.1" + host, .refused(501)),
            Case(
                "HTTP/1.2 counts as 1.1", "9110 §2.5", "GET / HTTP/1.2" + host,
                .forwarded(seenGet(), keeps: true)),
            Case(
                "HTTP/1.9 counts as 1.1", "9110 §2.5", "GET / HTTP/1.9" + host,
                .forwarded(seenGet(), keeps: true)),
            Case("HTTP/2.0", "9110 §2.5", "GET / HTTP/2.0" + host, .refused(505)),
            Case("HTTP/0.9 by name", "9110 §2.5", "GET / HTTP/0.9" + host, .refused(505)),
            Case("HTTP/3.7", "9110 §2.5", "GET / HTTP/3.7" + host, .refused(505)),
            Case("the preface of HTTP/2", "9113 §3.4", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .refused(505)),
            Case("http/1.1 in lower case", "9112 §2.3", "GET / http/1.1" + host, .refused(400)),
            Case("HTTP/1.10", "9112 §2.3", "GET / HTTP/1.10" + host, .refused(400)),
            Case("HTTP/01.1", "9112 §2.3", "GET / HTTP/01.1" + host, .refused(400)),
            Case("HTTP/1", "9112 §2.3", "GET / HTTP/1" + host, .refused(400)),
            Case("HTTP/1.", "9112 §2.3", "GET / HTTP/1." + host, .refused(400)),
            Case("HTTP/+1.1", "9112 §2.3", "GET / HTTP/+1.1" + host, .refused(400)),
            Case("HTTP /1.1", "9112 §2.3", "GET / HTTP /1.1" + host, .refused(400)),
            Case(
                "one empty line before the request", "9112 §2.2", "\r\n" + plain,
                .forwarded(seenGet(), keeps: true)),
            Case("two empty lines before the request", "9112 §2.2", "\r\n\r\n" + plain, .refused(400)),
            Case("a bare LF before the request", "9112 §2.2", "\n" + plain, .refused(400)),
            Case(
                "a request line that ends in a bare LF", "9112 §2.2", "GET / HTTP/1.1\nHost: x\r\n\r\n",
                .refused(400)),
            Case(
                "lines that all end in a bare LF", "9112 §2.2", "GET / HTTP/1.1\nHost: x\n\n", .refused(400)),
            Case(
                "a bare CR ends the request line", "9112 §2.2", "GET / HTTP/1.1\rHost: x\r\n\r\n",
                .refused(400)),
            Case(
                "TLS on a plain port", "9112 §2.2",
                "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}\u{3}\u{3}\r\n\r\n", .refused(400)),
        ]
    }

    static var targets: [Case] {
        let form = "9112 §3.2"
        let host = "\r\nHost: x\r\n\r\n"
        func absolute(_ target: String, _ path: String, _ name: String) -> (String, Wanted) {
            (
                "GET \(target) HTTP/1.1" + host,
                .forwarded("GET \(path) HTTP/1.1\r\nHost: \(name)\r\n" + added(name), keeps: true)
            )
        }
        func whole(_ name: String, _ parts: (String, Wanted)) -> Case {
            Case(name, "9112 §3.2.2", parts.0, parts.1, poison: "Host: x")
        }
        let long = String(repeating: "a", count: 8191)
        return [
            whole(
                "an absolute target names the host, not Host", absolute("http://a.test/b?c", "/b?c", "a.test")
            ),
            whole("an absolute target with a port", absolute("http://a.test:81/", "/", "a.test:81")),
            whole("an absolute target without a path", absolute("http://a.test", "/", "a.test")),
            whole("an absolute target with only a query", absolute("http://a.test?q", "/?q", "a.test")),
            whole("an absolute target, scheme in capitals", absolute("HTTP://a.test/", "/", "a.test")),
            Case(
                "an absolute target without Host", "9112 §3.2", "GET http://a.test/ HTTP/1.1\r\n\r\n",
                .refused(400)),
            Case(
                "an absolute target without a host", "9110 §4.2.1", "GET http:///b HTTP/1.1" + host,
                .refused(400)),
            Case(
                "an absolute target with user information", "9110 §4.2.4",
                "GET http://u:p@a.test/ HTTP/1.1" + host, .refused(400)),
            Case(
                "an absolute target with two hosts", "9110 §4.2.1",
                "GET http://a.test,b.test/ HTTP/1.1" + host, .refused(400)),
            Case("a scheme of another protocol", form, "GET ftp://a.test/ HTTP/1.1" + host, .refused(400)),
            Case("a scheme without slashes", form, "GET http:a.test/ HTTP/1.1" + host, .refused(400)),
            Case("a relative target", form, "GET a HTTP/1.1" + host, .refused(400)),
            Case("a target that begins with a question mark", form, "GET ?a HTTP/1.1" + host, .refused(400)),
            Case("an authority as target", "9112 §3.2.3", "GET a.test:80 HTTP/1.1" + host, .refused(400)),
            Case("an asterisk without OPTIONS", "9112 §3.2.4", "GET * HTTP/1.1" + host, .refused(400)),
            Case(
                "an asterisk with more behind it", "9112 §3.2.4", "OPTIONS *a HTTP/1.1" + host, .refused(400)),
            Case(
                "OPTIONS with an asterisk", "9112 §3.2.4", "OPTIONS * HTTP/1.1" + host,
                .forwarded("OPTIONS * HTTP/1.1\r\nHost: x\r\n" + added("x"), keeps: true)),
            Case(
                "OPTIONS of an absolute target without a path", "9112 §3.2.4",
                "OPTIONS http://a.test HTTP/1.1" + host,
                .forwarded("OPTIONS * HTTP/1.1\r\nHost: a.test\r\n" + added("a.test"), keeps: true)),
            Case("a fragment in the target", "9112 §3.2.1", "GET /a#b HTTP/1.1" + host, .refused(400)),
            Case(
                "a byte above ASCII in the target", "9112 §3.2", "GET /\u{e9} HTTP/1.1" + host, .refused(400)),
            Case("NUL in the target", "9112 §3.2", "GET /a\u{0}b HTTP/1.1" + host, .refused(400)),
            Case("DEL in the target", "9112 §3.2", "GET /a\u{7f}b HTTP/1.1" + host, .refused(400)),
            Case(
                "two slashes, dots and escapes pass untouched", "9110 §7.1",
                "GET //a/../%2e%2e/%00?%zz HTTP/1.1" + host,
                .forwarded("GET //a/../%2e%2e/%00?%zz HTTP/1.1\r\nHost: x\r\n" + added("x"), keeps: true)),
            Case(
                "a target of 8 KiB", "9112 §3", "GET /\(long) HTTP/1.1" + host,
                .forwarded("GET /\(long) HTTP/1.1\r\nHost: x\r\n" + added("x"), keeps: true)),
            Case("a target of 8 KiB and a byte", "9112 §3", "GET /\(long)a HTTP/1.1" + host, .refused(414)),
            Case("a target without end", "9112 §3", "GET /\(long)\(long)\(long)", .refused(414)),
        ]
    }

    static var hosts: [Case] {
        let rule = "9112 §3.2"
        func named(_ host: String) -> String { "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n" }
        func passes(_ host: String) -> Wanted {
            .forwarded("GET / HTTP/1.1\r\nHost: \(host)\r\n" + added(host), keeps: true)
        }
        let bad = [
            "a b", "a,b", "a@b", "a/b", "a:b", "a:80:81", "a:65536", "a:123456", "a:-1", "[::1", "[::g]",
            "[1:2]", "a%2", "a\\b",
            "a?b", "a#b", "a\u{e9}", "http://a", "a:80, b", "\"a\"", "<a>", ":80",
        ]
        let good = [
            "a.test", "a.test:8080", "a:", "127.0.0.1:80", "[::1]", "[fe80::1]:80", "xn--nxasmq6b", "a_b",
        ]
        return [
            Case("no Host", rule, "GET / HTTP/1.1\r\n\r\n", .refused(400)),
            Case("an empty Host", rule, named(""), .refused(400)),
            Case("two hosts", rule, get("Host: y"), .refused(400)),
            Case("the same Host twice", rule, get("Host: x"), .refused(400)),
            Case("two hosts, one in capitals", rule, get("HOST: y"), .refused(400)),
            Case("a folded Host", "9112 §5.2", "GET / HTTP/1.1\r\nHost:\r\n x\r\n\r\n", .refused(400)),
            Case(
                "a space before the Host's colon", "9112 §5.1", "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
                .refused(400)),
            Case(
                "a space before the Host field", "9112 §2.2", "GET / HTTP/1.1\r\n Host: x\r\n\r\n",
                .refused(400)),
            Case(
                "an HTTP/1.0 request with two hosts", rule, "GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n",
                .refused(400)),
            Case(
                "Host in another field's place", "9110 §7.2", "GET / HTTP/1.1\r\nA: b\r\nhOsT: x\r\n\r\n",
                .forwarded("GET / HTTP/1.1\r\nA: b\r\nhOsT: x\r\n" + added("x"), keeps: true)),
        ]
            + bad.map {
                Case("Host: \($0.replacing("\u{e9}", with: "é"))", "9110 §7.2", named($0), .refused(400))
            }
            + good.map { Case("Host: \($0)", "9110 §7.2", named($0), passes($0)) }
    }
}
