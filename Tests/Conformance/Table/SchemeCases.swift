extension Case {
    /// Absolute targets: schemes that this connection cannot carry, that nobody here speaks, and what stands around them.
    static var schemes: [Case] {
        let misdirected = "9110 §7.4"
        func ask(_ target: String, version: String = "1.1", _ fields: String = "Host: x\r\n") -> String {
            "GET \(target) HTTP/\(version)\r\n\(fields)\r\n"
        }
        func secure(_ name: String, _ request: String) -> Case {
            Case(name, misdirected, request, .refused(421))
        }
        func passes(_ target: String, _ path: String, _ host: String) -> Case {
            Case(
                "the target \(target) passes", "9112 §3.2.2", ask(target),
                .forwarded("GET \(path) HTTP/1.1\r\nHost: \(host)\r\n" + added(host), keeps: true),
                poison: "Host: x")
        }
        let unserved = [
            "https://", "https:///b", "https:/a.test/", "https:a.test/", "https//a.test/", "http://",
            "http:/a.test/", "http:\\\\a.test/", "http//a.test/", "httpx://a.test/", "xhttp://a.test/",
            "http+x://a.test/", "ws://a.test/", "wss://a.test/", "file:///etc/passwd", "urn:a:b",
            "://a.test/", "http://:80/", "http://a.test:65536/", "http://a.test:+1/", "http://[::1/",
            "http://[::1]a/", "http://a.test#b", "http://a.test/#b", "https://u@a.test/",
            "https://a.test,b.test/",
        ]
        return [
            secure("an https target without TLS", ask("https://a.test/", "Host: a.test\r\n")),
            secure("an https target, scheme in capitals", ask("HTTPS://a.test/", "Host: a.test\r\n")),
            secure("an https target, scheme in mixed case", ask("hTTpS://a.test/", "Host: a.test\r\n")),
            secure("an https target of another host than Host", ask("https://a.test/b")),
            secure("an https target without a path", ask("https://a.test")),
            secure("an https target with a port", ask("https://a.test:443/")),
            secure("an https target with the port of http", ask("https://a.test:80/")),
            secure("an https target of an HTTP/1.0 client", ask("https://a.test/", version: "1.0", "")),
            secure("HEAD of an https target", "HEAD https://a.test/ HTTP/1.1\r\nHost: x\r\n\r\n"),
            secure(
                "an https target and a forged X-Forwarded-Proto",
                ask("https://a.test/", "Host: a.test\r\nX-Forwarded-Proto: https\r\n")),
            secure(
                "an https target of OPTIONS without hops left",
                "OPTIONS https://a.test HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n"),
            secure(
                "an https target with a body",
                "POST https://a.test/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"),
            secure("nothing is read behind an https target", ask("https://a.test/") + smuggled),
            Case(
                "an https target without Host", "9112 §3.2", ask("https://a.test/", ""), .refused(400)),
            Case(
                "an absolute target with a malformed Host", "9112 §3.2",
                ask("http://a.test/", "Host: a b\r\n"), .refused(400)),
            Case(
                "an absolute target and the same Host twice", "9112 §3.2",
                ask("http://a.test/", "Host: a.test\r\nHost: a.test\r\n"), .refused(400)),
            Case(
                "an absolute target of an HTTP/1.0 client", "9112 §3.2.2",
                ask("http://a.test/b", version: "1.0"),
                .forwarded("GET /b HTTP/1.1\r\nHost: a.test\r\n" + added("a.test"), keeps: false),
                poison: "Host: x"),
            Case(
                "an absolute target of an HTTP/1.0 client without Host", "9112 §3.2.2",
                ask("http://a.test/b", version: "1.0", ""),
                .forwarded("GET /b HTTP/1.1\r\nHost: a.test\r\n" + added("a.test"), keeps: false)),
            Case(
                "OPTIONS of an absolute target with a slash", "9112 §3.2.4",
                "OPTIONS http://a.test/ HTTP/1.1\r\nHost: x\r\n\r\n",
                .forwarded("OPTIONS / HTTP/1.1\r\nHost: a.test\r\n" + added("a.test"), keeps: true)),
            Case(
                "OPTIONS of an absolute target with only a query", "9112 §3.2.4",
                "OPTIONS http://a.test?q HTTP/1.1\r\nHost: x\r\n\r\n",
                .forwarded("OPTIONS /?q HTTP/1.1\r\nHost: a.test\r\n" + added("a.test"), keeps: true)),
            passes("hTtP://a.test/", "/", "a.test"), passes("http://A.Test/B", "/B", "A.Test"),
            passes("http://[::1]:80/", "/", "[::1]:80"), passes("http://a.test:/", "/", "a.test:"),
            passes("http://a.test//b", "//b", "a.test"), passes("http://a.test?", "/?", "a.test"),
            passes("http://a.test/http://b.test/", "/http://b.test/", "a.test"),
        ]
            + unserved.map { Case("the target \($0)", "9112 §3.2", ask($0), .refused(400)) }
    }
}
