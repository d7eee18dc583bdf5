import Store
import Testing

@Suite struct StoreURLTests {
    @Test(arguments: [
        ("redis://localhost", "redis://localhost:6379/0"),
        ("redis://localhost/", "redis://localhost:6379/0"),
        ("redis://127.0.0.1:6380/3", "redis://127.0.0.1:6380/3"),
        ("REDIS://h:1?db=4", "redis://h:1/4"),
        ("redis://[fd00::5]:6380/1", "redis://[fd00::5]:6380/1"),
        ("redis://[::1]", "redis://[::1]:6379/0"),
        ("rediss://redis.example:6390", "rediss://redis.example:6390/0"),
        ("redis://:secret@h", "redis://:***@h:6379/0"),
        ("redis://ann:secret@h", "redis://ann:***@h:6379/0"),
        ("redis://ann@h", "redis://ann:***@h:6379/0"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock?db=0"),
        ("unix:///run/a%20b.sock?db=7", "unix:///run/a b.sock?db=7"),
        ("unix://ann:secret@/run/redis.sock", "unix://ann:***@/run/redis.sock?db=0"),
    ])
    func aGoodURLIsRead(_ text: String, _ description: String) throws {
        let url = try StoreURL(text)
        #expect(url.description == description)
        #expect("\(url)" == description && String(reflecting: url) == description)
    }

    @Test func partsAreDecoded() throws {
        let url = try StoreURL("rediss://a%40b:p%3A%2F%3f%23%25%C3%A9@h_1.x-y:6390/15")
        #expect(url.user == "a@b")
        #expect(url.password?.revealed == "p:/?#%é")
        #expect(url.usesTLS)
        #expect(url.database == 15)
        #expect(url.endpoint == .tcp(host: "h_1.x-y", port: 6390))
        #expect(url.target == "h_1.x-y:6390")
    }

    @Test func anAtSignInThePasswordNeedsNoEscape() throws {
        #expect(try StoreURL("redis://u:a@b@h").password?.revealed == "a@b")
    }

    @Test(arguments: [
        ("", StoreURLFault.noScheme), ("localhost:6379", .noScheme), ("redis:/h", .noScheme),
        ("http://h", .unknownScheme("http")), ("p4ssw0rd://h", .noScheme),
        ("redis://", .noHost), ("redis:///0", .noHost), ("redis://:6379", .noHost), ("redis://u:p@", .noHost),
        ("redis://a b", .badHost), ("redis://h\u{0}x", .badHost), ("redis://hé", .badHost),
        ("redis://[::1", .badHost), ("redis://[host]", .badHost), ("redis://[::1]x", .badHost),
        ("redis://fd00::5:6379", .badPort), ("redis://h:", .badPort), ("redis://h:0", .badPort),
        ("redis://h:65536", .badPort), ("redis://h:+80", .badPort), ("redis://h:８０", .badPort),
        ("redis://h/x", .badDatabase), ("redis://h/-1", .badDatabase), ("redis://h/65536", .badDatabase),
        ("redis://h/0/1", .badDatabase), ("redis://h?db=", .badDatabase),
        ("redis://h/1?db=1", .databaseTwice),
        ("redis://h?password=x", .unknownParameter), ("redis://h?db=1&x=2", .unknownParameter),
        ("redis://u:%zz@h", .badEscape), ("redis://u:%4@h", .badEscape), ("redis://u:%ff@h", .badEscape),
        ("redis://u:%+1@h", .badEscape), ("redis://h#x", .fragment),
        ("unix://", .badPath), ("unix:///", .badPath), ("unix://run/redis.sock", .badPath),
        ("unix:///run/%00", .badPath), ("unix:///\(String(repeating: "x", count: 107))", .pathTooLong),
    ])
    func aBadURLIsRefused(_ text: String, _ fault: StoreURLFault) {
        #expect(throws: fault) { try StoreURL(text) }
    }

    @Test(arguments: [
        "redis://ann:hunter2/x@h", "redis://ann:hunter2?x@h", "redis://ann:hunter2#x@h",
        "redis://ann:hunter2%@h",
        "redis://ann:6379hunter2", "hunter2://h", "redis://u:p@h:hunter2", "redis://h/hunter2",
        "redis://h?hunter2",
        "redis://hun ter2", "unix://hunter2",
    ])
    func faultsNeverRepeatWhatMayBeSecret(_ text: String) {
        let fault = #expect(throws: StoreURLFault.self) { try StoreURL(text) }
        let shown = "\(fault.map { "\($0)" } ?? "") \(String(reflecting: fault))"
        #expect(!shown.contains("hunter2") && !shown.contains("hun ter2"))
    }

    @Test func settingsNeverShowAPassword() throws {
        let settings = StoreSettings(url: try StoreURL("redis://ann:hunter2@h"), password: "hunter3")
        var dumped = ""
        dump(settings, to: &dumped)
        for shown in ["\(settings)", String(reflecting: settings), dumped, "\(settings.url)"] {
            #expect(!shown.contains("hunter"))
        }
        #expect(settings.secret?.revealed == "hunter3")
    }
}
