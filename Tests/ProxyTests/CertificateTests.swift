import Glibc
import Linux
import Synchronization
import Testing

@testable import Proxy

@Suite(.timeLimit(.minutes(2))) struct CertificateTests {
    private static let request = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"

    private final class Notices: Sendable {
        private let list = Mutex<[CertificateNotice]>([])
        func note(_ notice: CertificateNotice) { list.withLock { $0.append(notice) } }
        var all: [CertificateNotice] { list.withLock { $0 } }
    }

    @Test func aChangedCertificateIsUsedAndNoConnectionEnds() async throws {
        let backend = try Backend.echoing("x")
        let notices = Notices()
        let secure = try SecureRig([backend.address], workers: 2, onNotice: notices.note)
        let kept = try #require(secure.connect())
        kept.send(CertificateTests.request)
        #expect(kept.readMessage()?.text == "x")
        secure.client.keepSession(of: kept)
        try secure.folder.add("new", "DNS:a.test,DNS:new.test")
        try secure.folder.replace("a", with: "new")
        #expect(await Rig.eventually { secure.connect("new.test") != nil })
        let files = CertificateFiles(
            certificate: secure.folder.certificate("a"), key: secure.folder.key("a"))
        // Between the two renames the pair may have been found not to fit.
        #expect(await Rig.eventually { notices.all.last == .replaced(files, names: ["a.test", "new.test"]) })
        let summary = try #require(secure.rig.proxy.certificateSummaries.first)
        #expect(summary.files == files && summary.names == ["a.test", "new.test"] && summary.problem == nil)
        #expect(summary.expiry > Int64(time(nil)))
        kept.send(CertificateTests.request)
        #expect(kept.readMessage()?.text == "x")
        // Tickets outlive the certificate.
        #expect(secure.connect()?.isResumed == true)
        #expect(secure.connect("b.test")?.peerNames == ["b.test"])
    }

    @Test func whatCannotBeUsedChangesNothing() async throws {
        let notices = Notices()
        let secure = try SecureRig([], onNotice: notices.note)
        let path = secure.folder.certificate("a")
        let files = CertificateFiles(certificate: path, key: secure.folder.key("a"))
        try CertificateFolder.run(["cp", path, "\(secure.folder.path)/good"])
        // A certificate that another key is for.
        try CertificateFolder.run(["cp", secure.folder.certificate("b"), path])
        #expect(await Rig.eventually { notices.all.count == 1 })
        #expect(
            notices.all.first
                == .kept(
                    files, reason: "the key \(files.key) does not belong to the certificate \(path)"))
        #expect(secure.connect()?.peerNames.first == "a.test")
        // No certificate at all; gone altogether.
        try CertificateFolder.run(["cp", "/dev/null", path])
        #expect(await Rig.eventually { notices.all.count == 2 })
        try CertificateFolder.run(["rm", path])
        #expect(await Rig.eventually { notices.all.count == 3 })
        #expect(notices.all.allSatisfy { if case .kept = $0 { true } else { false } })
        #expect(secure.connect()?.peerNames.first == "a.test")
        let problem = try #require(secure.rig.proxy.certificateSummaries.first).problem
        #expect(problem?.contains("No such file") == true)
        // Asked for, what is bad is reported again, and what is good is not touched.
        secure.rig.proxy.reloadCertificates()
        #expect(await Rig.eventually { notices.all.count == 4 })
        // The old file back: nothing new, and the fault is over.
        try CertificateFolder.run(["mv", "\(secure.folder.path)/good", path])
        #expect(await Rig.eventually { notices.all.count == 5 })
        #expect(notices.all.last == .recovered(files))
        try secure.folder.add("new", "DNS:b.test,DNS:new.test")
        try secure.folder.replace("b", with: "new")
        #expect(await Rig.eventually { secure.connect("new.test") != nil })
        #expect(await Rig.eventually { if case .replaced = notices.all.last { true } else { false } })
        #expect(secure.rig.proxy.certificateSummaries.allSatisfy { $0.problem == nil })
        #expect(secure.connect()?.peerNames.first == "a.test")
    }

    @Test func aBadFileAtTheStartIsAFault() throws {
        let folder = try CertificateFolder()
        try folder.add("a", "DNS:a.test")
        try folder.add("b", "DNS:b.test")
        try CertificateFolder.run([
            "openssl", "pkcs8", "-topk8", "-v2", "aes-128-cbc", "-passout", "pass:secret", "-in",
            folder.key("a"), "-out", "\(folder.path)/locked",
        ])
        let listen = try SocketAddress("127.0.0.1:0", allowingPortZero: true)
        for (certificate, key, part) in [
            (folder.certificate("a"), folder.key("b"), "does not belong"),
            (folder.certificate("x"), folder.key("a"), "No such file"),
            (folder.key("a"), folder.key("a"), "expected a PEM chain"),
            (folder.certificate("a"), folder.certificate("a"), "without a password"),
            (folder.certificate("a"), "\(folder.path)/locked", "without a password"),
            (folder.path, folder.key("a"), "Is a directory"),
            ("/dev/zero", folder.key("a"), "larger"),
        ] {
            var settings = ProxySettings(listen: listen, workers: 1)
            settings.tls = ClientTLSSettings(
                listen: listen, certificates: [CertificateFiles(certificate: certificate, key: key)])
            let fault = #expect(throws: ProxyFault.self) { try Proxy(settings) }
            #expect(fault.map { "\($0)".contains(part) } == true, "\(fault.map { "\($0)" } ?? "")")
        }
        var settings = ProxySettings(listen: listen, workers: 1)
        settings.tls = ClientTLSSettings(listen: listen, certificates: [])
        #expect(throws: ProxyFault.self) { try Proxy(settings) }
    }

    @Test func aChainThatIsCutInABorderIsRefused() throws {
        let folder = try CertificateFolder()
        try folder.add("a", "DNS:a.test")
        func bytes(_ path: String) throws -> [UInt8] { try CertificateSource.read(path, "file") }
        let own = try bytes(folder.certificate("a"))
        let key = try bytes(folder.key("a"))
        let authority = try bytes(folder.certificate("ca"))
        let files = CertificateFiles(certificate: folder.certificate("a"), key: folder.key("a"))
        func parse(_ text: [UInt8]) throws {
            try CertificateFolder.write(text, to: files.certificate)
            _ = try Certificate(CertificateSource(files))
        }
        let comment = Array("subject=CN = Test\n -- \n".utf8)
        for whole in [
            own, own + authority, own + comment + authority + comment, own + authority + key, key + own,
            own + key + authority, own + comment.dropLast(),
            // A whole border in the lines of other systems.
            own
                + Array(
                    String(decoding: key, as: UTF8.self).split(separator: "\n").joined(separator: "\r\n").utf8
                ),
        ] {
            #expect(throws: Never.self, "\(String(decoding: whole, as: UTF8.self))") { try parse(whole) }
        }
        let line = own.count { $0 == 10 } + 1
        let part = "line \(line) begins with dashes "
        // From "-" to "-----BEGIN CERTIFICATE----", which lacks one.
        for count in 1..<27 {
            let fault = #expect(throws: TLSFault.self) { try parse(own + authority.prefix(count)) }
            #expect(fault?.description.contains(part) == true, "\(count): \(fault?.description ?? "")")
            #expect(fault?.description.contains(files.certificate) == true)
        }
        // Cut later, libssl itself sees it.
        for count in [27, 28, 100, authority.count - 2] {
            #expect(throws: TLSFault.self, "\(count)") { try parse(own + authority.prefix(count)) }
        }
    }

    @Test func bordersOfWholeBlocksAreKnown() {
        func broken(_ text: String) -> Int? { PEMText.brokenLine(in: Array(text.utf8)) }
        let block = "-----BEGIN EC PARAMETERS-----\nBggq\n-----END EC PARAMETERS-----\n"
        #expect(broken("") == nil && broken("text\n---- text\n") == nil)
        #expect(broken(block) == nil && broken("text\n" + block + block) == nil)
        #expect(broken("-----BEGIN A----- \r\n-----END A-----\r\n") == nil)
        #expect(broken("-----") == 0 && broken("text\n-----BEGIN") == 1)
        // Dashes alone part things; where the file ends within them, they are the beginning of a border.
        #expect(broken(block + "-----------\n" + block) == nil && broken(block + "-----\n") == nil)
        #expect(broken(block + "-") == 3 && broken(block + "-----------") == 3)
        #expect(broken(block + "-----BEGIN A----\n") == 3)
        // A file that was cut, and another one behind it.
        #expect(broken(block + "-----BEGIN EC PAR\n" + block) == 3)
        #expect(broken(block + "-----BEGIN A-----\nBggq\n" + block) == 3)
        #expect(broken(block + "-----END A-----\n") == 3)
        #expect(broken(block + "text\n-----BEGIN A-----\nBggq\n") == 4)
    }

    @Test func namesAreChosenAsTheyShould() {
        let table = CertificateNames([
            ["a.test", "*.w.test"], ["b.test", "x.w.test", "*.a.*", "*"], ["a.test", "*.test"],
        ])
        for (name, index) in [
            ("a.test", 0), ("b.test", 1), ("y.w.test", 0), ("x.w.test", 1),
            ("z.y.w.test", 0), ("w.test", 2), ("c.test", 2), ("test", 0), (".test", 0), ("", 0),
            ("*.test", 2),
            ("c.a.d", 0),
        ] {
            #expect(table.pick(name) == index, "\(name)")
        }
    }

    @Test func namesAreReadFromHellos() {
        func read(_ bytes: [UInt8]) -> String? {
            bytes.withUnsafeBufferPointer { ServerNameExtension.name($0) }
        }
        func extent(_ name: String, list: Int = 3, type: UInt8 = 0, length: Int = 0) -> [UInt8] {
            let count = name.utf8.count
            return [0, UInt8(count + list), type, 0, UInt8(count + length)] + Array(name.utf8)
        }
        #expect(read(extent("a.test")) == "a.test" && read(extent("A.Test.")) == "a.test")
        #expect(read(extent("")) == nil && read(extent("a", type: 1)) == nil && read([]) == nil)
        #expect(read(extent("a.test", length: 1)) == nil && read(extent("a.test", list: 4)) == nil)
    }

    @Test func ticketKeysRotateAndAreForgotten() throws {
        var keys = TicketKeys(lifetime: 100)
        var count: UInt8 = 0
        func random() -> [UInt8]? {
            count += 1
            return [UInt8](repeating: count, count: TicketKeys.Key.bytes)
        }
        func opened(_ number: UInt8, at now: Int64) -> Bool? {
            [UInt8](repeating: number, count: 16).withUnsafeBufferPointer {
                keys.opening($0, at: now)?.isNewest
            }
        }
        #expect(opened(1, at: 1000) == nil)
        #expect(keys.sealing(at: 1000, random: random)?.name.first == 1)
        #expect(keys.sealing(at: 1099, random: random)?.name.first == 1)
        #expect(opened(1, at: 1099) == true && opened(1, at: 1100) == false)
        #expect(keys.sealing(at: 1100, random: random)?.name.first == 2)
        #expect(opened(1, at: 1100) == false && opened(2, at: 1100) == true)
        #expect(keys.sealing(at: 1200, random: random)?.mac.first == 3)
        #expect(opened(1, at: 1200) == false)
        #expect(keys.sealing(at: 1300, random: random)?.cipher.first == 4)
        #expect(opened(1, at: 1300) == nil && opened(2, at: 1300) == false)
        // Nobody came for some time, and the next key is not there yet: the second one's time is over all the same.
        #expect(opened(2, at: 1399) == false && opened(2, at: 1400) == nil)
        // Nobody came for long: the old keys open nothing any more.
        #expect(opened(4, at: 1599) == false && opened(4, at: 1600) == nil)
        #expect(keys.sealing(at: 1600, random: { nil }) == nil)
        #expect(keys.sealing(at: 1600, random: random)?.name.first == 5)
    }

    @Test func ticketsOfForgottenKeysMeanAFullHandshake() async throws {
        let backend = try Backend.echoing("x")
        let secure = try SecureRig([backend.address]) { $0.tls?.ticketKeyMilliseconds = 1 }
        let wire = try #require(secure.connect())
        wire.send(CertificateTests.request)
        #expect(wire.readMessage()?.text == "x")
        secure.client.keepSession(of: wire)
        let since = Instant.now()
        #expect(await Rig.eventually { since.advanced(milliseconds: 5) < Instant.now() })
        let again = try #require(secure.connect())
        #expect(!again.isResumed)
        again.send(CertificateTests.request)
        #expect(again.readMessage()?.text == "x")
    }
}
