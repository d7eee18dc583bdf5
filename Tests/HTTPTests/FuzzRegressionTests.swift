import HTTP
import Testing

/// The properties of the fuzz targets for inputs that once were hard, or look so; what a fuzz run finds is added here.
@Suite struct FuzzRegressionTests {
    private static let heads = [
        "", "\r\n", "\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET http://a?b HTTP/1.0\r\n\r\n",
        "OPTIONS http://a HTTP/1.9\r\nHost:b\r\nMax-Forwards:\t07\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nA:\r\nB: \t \r\nC:\u{1}\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: [::1.2.3.4]\r\nTransfer-Encoding: chunked\r\nConnection: ,, close ,\r\n\r\n",
        "HTTP/1.1 200\r\n\r\n", "HTTP/1.7 204 \r\nContent-Length: 5\r\n\r\n\0",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive, X\r\nX: 1\r\n\r\n",
    ]
    private static let bodies = [
        "", "0", "0\r\n\r\n", "7fffffffffffffff\r\n", "8000000000000000\r\n",
        "0000000000000001\r\na\r\n0\r\n\r\n",
        "1;\ta\t=\t\"\\\"\"\t;b\r\na\r\n0\r\n\r\n", "1 ;a\r\na\r\n0;b=c\r\nA:\r\n\r\nrest", "1 \t",
        "1;a=\"\\",
        "1;a ", "0\r\nX-Forwarded", "0\r\nX_FORWARDED_", "0\r\nTE", "0\r\nte: ", "0\r\nTea: b\r\n\r\n",
        "1\r\na\r",
    ]

    @Test(arguments: heads)
    func aHeadKeepsItsProperties(_ text: String) {
        #expect(FuzzProperties.request(Array(text.utf8)) == nil)
        #expect(FuzzProperties.response(Array(text.utf8)) == nil)
    }

    @Test(arguments: bodies)
    func aBodyKeepsItsProperties(_ text: String) {
        #expect(FuzzProperties.chunked(Array(text.utf8)) == nil)
    }

    @Test func limitsAreTheSameForTheReference() {
        let lengths = [1022, 1023, 1024, 1025, 8180, 8187, 8188, 8189, 8190, 8191, 8192, 8193]
        for length in lengths {
            let long = String(repeating: "a", count: length)
            for text in [
                "1;\(long)\r\na\r\n0\r\n\r\n", "1 ;\(long)", "0\r\nA:\(long)\r\n\r\n", "0\r\nA:\(long)",
                "0\r\n\(long)",
            ] {
                #expect(FuzzProperties.chunked(Array(text.utf8)) == nil)
            }
        }
        for count in 99...101 {
            let text = "0\r\n" + String(repeating: "A:b\r\n", count: count) + "\r\n"
            #expect(FuzzProperties.chunked(Array(text.utf8)) == nil)
        }
    }
}
