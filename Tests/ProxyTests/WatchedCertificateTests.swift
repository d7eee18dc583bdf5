import Glibc
import Linux
import Synchronization
import Testing

@testable import Proxy

/// How files of certificates are looked at, one look after the other, and what is said about their validity.
@Suite(.timeLimit(.minutes(2))) struct WatchedCertificateTests {
    private static let day = 86_400
    /// Seconds since 1970.
    private static var now: Int64 { WallClock.milliseconds() / 1000 }

    private final class Notices: Sendable {
        private let list = Mutex<[CertificateNotice]>([])
        func note(_ notice: CertificateNotice) { list.withLock { $0.append(notice) } }
        var all: [CertificateNotice] { list.withLock { $0 } }
    }

    /// Keeps everybody else, root too, from opening a file, and changes nothing that stat(2) tells.
    private final class Lease {
        private let descriptor: Int32

        init(_ path: String) async throws {
            descriptor = open(path, O_RDONLY | O_CLOEXEC)
            try #require(descriptor >= 0)
            // Told with a signal that nothing comes of, where SIGIO would end the process.
            try #require(fcntl(descriptor, Lease.setSignal, SIGURG) == 0)
            // A process that another test has just started may still have the file open.
            let file = descriptor
            try #require(await Rig.eventually { fcntl(file, Lease.setLease, Int32(F_WRLCK)) == 0 })
        }

        deinit {
            end()
            _ = close(descriptor)
        }

        func end() {
            _ = fcntl(descriptor, Lease.setLease, Int32(F_UNLCK))
        }

        /// Has the file look changed.
        func touch() -> Bool {
            let past = timespec(tv_sec: 1, tv_nsec: 0)
            return futimens(descriptor, [past, past]) == 0
        }

        /// `F_SETSIG` and `F_SETLEASE` of fcntl(2), which stand behind `_GNU_SOURCE`.
        private static let setSignal: Int32 = 10
        private static let setLease: Int32 = 1024
    }

    private func files(_ folder: CertificateFolder, _ name: String) -> CertificateFiles {
        CertificateFiles(certificate: folder.certificate(name), key: folder.key(name))
    }

    @Test func whatCannotBeReadIsTriedAtEachLookAndToldOnce() async throws {
        let folder = try CertificateFolder()
        defer { withExtendedLifetime(folder) {} }
        try folder.add("a", "DNS:a.test")
        let files = files(folder, "a")
        var watched = try WatchedCertificate(files)
        #expect(watched.look(isAsked: false, at: Self.now).isEmpty)
        let lease = try await Lease(files.key)
        #expect(lease.touch())
        let before = CertificateSource.signatures(of: files)
        #expect(watched.look(isAsked: false, at: Self.now).isEmpty, "it has not stood still yet")
        let reason = "the key \(files.key) cannot be read: Resource temporarily unavailable"
        #expect(watched.look(isAsked: false, at: Self.now) == [.kept(files, reason: reason)])
        for _ in 0..<3 { #expect(watched.look(isAsked: false, at: Self.now).isEmpty) }
        #expect(watched.problem == reason && watched.names == ["a.test"])
        #expect(watched.look(isAsked: true, at: Self.now) == [.kept(files, reason: reason)])
        lease.end()
        #expect(CertificateSource.signatures(of: files) == before, "nothing shows that it can be read now")
        #expect(watched.look(isAsked: false, at: Self.now) == [.recovered(files)])
        #expect(watched.problem == nil && watched.look(isAsked: false, at: Self.now).isEmpty)
    }

    @Test func anotherFaultIsToldAndOneThatStaysIsNot() throws {
        let folder = try CertificateFolder()
        defer { withExtendedLifetime(folder) {} }
        try folder.add("a", "DNS:a.test")
        try folder.add("b", "DNS:a.test,DNS:b.test")
        let files = files(folder, "a")
        var watched = try WatchedCertificate(files)
        func looks() -> [CertificateNotice] {
            (0..<4).flatMap { _ in watched.look(isAsked: false, at: Self.now) }
        }
        try CertificateFolder.run(["cp", folder.key("b"), files.key])
        let foreign = "the key \(files.key) does not belong to the certificate \(files.certificate)"
        #expect(looks() == [.kept(files, reason: foreign)])
        // Written anew, and no better.
        try CertificateFolder.run(["cp", folder.key("ca"), "\(folder.path)/fresh"])
        try CertificateFolder.run(["mv", "\(folder.path)/fresh", files.key])
        #expect(looks().isEmpty && watched.problem == foreign)
        try CertificateFolder.run(["rm", files.key])
        let missing = "the key \(files.key) cannot be read: No such file or directory"
        #expect(looks() == [.kept(files, reason: missing)])
        try CertificateFolder.run(["cp", folder.key("b"), files.key])
        try CertificateFolder.run(["cp", folder.certificate("b"), files.certificate])
        #expect(looks() == [.replaced(files, names: ["a.test", "b.test"])])
        #expect(watched.problem == nil)
    }

    /// It parses and fits its key: that libssl will have none of it shows only when a context is given it.
    @Test func aWeakCertificateChangesNothing() throws {
        let folder = try CertificateFolder()
        defer { withExtendedLifetime(folder) {} }
        try folder.add("a", "DNS:a.test")
        try CertificateFolder.run([
            "openssl", "req", "-x509", "-newkey", "rsa:512", "-nodes", "-days", "2", "-subj", "/CN=weak",
            "-keyout", folder.key("weak"), "-out", folder.certificate("weak"),
        ])
        #expect(throws: TLSFault.self) { try WatchedCertificate(self.files(folder, "weak")) }
        let files = files(folder, "a")
        var watched = try WatchedCertificate(files)
        try folder.replace("a", with: "weak")
        let notices = (0..<4).flatMap { _ in watched.look(isAsked: false, at: Self.now) }
        let problem = try #require(watched.problem)
        #expect(problem.contains("the certificate \(files.certificate) cannot be used"), "\(problem)")
        #expect(notices == [.kept(files, reason: problem)])
        #expect(watched.names == ["a.test"])
    }

    @Test func aChangeOfRightsShows() async throws {
        let folder = try CertificateFolder()
        defer { withExtendedLifetime(folder) {} }
        try folder.add("a", "DNS:a.test")
        let files = files(folder, "a")
        var watched = try WatchedCertificate(files)
        let before = CertificateSource.signatures(of: files)
        // Times of files are as coarse as the kernel's ticks.
        #expect(
            await Rig.eventually {
                chmod(files.key, 0o640) == 0 && CertificateSource.signatures(of: files) != before
            })
        let after = CertificateSource.signatures(of: files)
        #expect(after[0] == before[0] && after[1].written == before[1].written)
        #expect(after[1].changed != before[1].changed)
        // The bytes are the same: nothing to say.
        for _ in 0..<3 { #expect(watched.look(isAsked: false, at: Self.now).isEmpty) }
    }

    @Test func aCertificateThatIsNotValidIsToldOfAtTheStart() async throws {
        let folder = try CertificateFolder()
        defer { withExtendedLifetime(folder) {} }
        for name in ["a", "b", "c"] { try folder.add(name, "DNS:\(name).test") }
        try folder.sign("a", from: -2 * WatchedCertificateTests.day, until: -WatchedCertificateTests.day)
        try folder.sign("c", from: WatchedCertificateTests.day, until: 2 * WatchedCertificateTests.day)
        let listen = try SocketAddress("127.0.0.1:0", allowingPortZero: true)
        var settings = ProxySettings(listen: listen, workers: 1)
        let all = ["a", "b", "c"].map { files(folder, $0) }
        settings.tls = ClientTLSSettings(listen: listen, certificates: all)
        let notices = Notices()
        let proxy = try Proxy(settings, onNotice: notices.note)
        defer { proxy.stop() }
        let old = try WatchedCertificate(all[0])
        let new = try WatchedCertificate(all[2])
        #expect(old.expiry - old.start == WatchedCertificateTests.day)
        #expect(await Rig.eventually { notices.all.count == 2 })
        #expect(
            notices.all == [
                .expired(all[0], start: old.start, expiry: old.expiry),
                .early(all[2], start: new.start, expiry: new.expiry),
            ])
        #expect(proxy.certificateSummaries.allSatisfy { $0.problem == nil }, "they are used all the same")
    }

    @Test func aCertificateThatIsNotValidIsToldOfWhenItIsTakenOver() async throws {
        let notices = Notices()
        let secure = try SecureRig([], onNotice: notices.note)
        try secure.folder.add("new", "DNS:a.test,DNS:new.test")
        try secure.folder.sign(
            "new", from: -2 * WatchedCertificateTests.day, until: -WatchedCertificateTests.day)
        let new = try WatchedCertificate(files(secure.folder, "new"))
        try secure.folder.replace("a", with: "new")
        let files = files(secure.folder, "a")
        let expected: [CertificateNotice] = [
            .replaced(files, names: ["a.test", "new.test"]),
            .expired(files, start: new.start, expiry: new.expiry),
        ]
        #expect(await Rig.eventually { Array(notices.all.suffix(2)) == expected })
    }

    @Test func aCertificateWhoseTimeEndsInUseIsToldOfOnce() throws {
        let folder = try CertificateFolder()
        defer { withExtendedLifetime(folder) {} }
        try folder.add("a", "DNS:a.test")
        try folder.add("b", "DNS:b.test")
        let files = files(folder, "a")
        var watched = try WatchedCertificate(files)
        let expired = CertificateNotice.expired(files, start: watched.start, expiry: watched.expiry)
        #expect(watched.look(isAsked: false, at: watched.expiry).isEmpty)
        let after = watched.expiry + 10
        #expect(watched.look(isAsked: false, at: after) == [expired])
        #expect(watched.look(isAsked: false, at: after + 10).isEmpty)
        // The clock was wrong, and is set right; later the time comes.
        #expect(watched.look(isAsked: false, at: watched.expiry).isEmpty)
        #expect(watched.look(isAsked: false, at: after) == [expired])
        // Another one is taken over, and is too old as well by then.
        try folder.replace("a", with: "b")
        let notices = (0..<4).flatMap { _ in watched.look(isAsked: false, at: after) }
        #expect(
            notices == [
                .replaced(files, names: ["b.test"]),
                .expired(files, start: watched.start, expiry: watched.expiry),
            ])
    }

    @Test func validityIsToldInWordsAndWithItsBounds() throws {
        let folder = try CertificateFolder()
        defer { withExtendedLifetime(folder) {} }
        try folder.add("a", "DNS:a.test")
        let watched = try WatchedCertificate(files(folder, "a"))
        // The command may see a second pass between the two.
        let days = Int64(2 * WatchedCertificateTests.day)
        #expect((days...days + 1).contains(watched.expiry - watched.start))
        #expect(watched.warning(at: watched.start) == nil && watched.warning(at: watched.expiry) == nil)
        let files = CertificateFiles(certificate: "/a.pem", key: "/a.key")
        #expect(
            watched.warning(at: watched.start - 1)
                == .early(watched.source.files, start: watched.start, expiry: watched.expiry))
        #expect(
            watched.warning(at: watched.expiry + 1)
                == .expired(watched.source.files, start: watched.start, expiry: watched.expiry))
        let span = "from 2026-01-02T03:04:05Z until 2026-04-02T03:04:05Z"
        for notice in [
            CertificateNotice.early(files, start: 1_767_323_045, expiry: 1_775_099_045),
            .expired(files, start: 1_767_323_045, expiry: 1_775_099_045),
        ] {
            #expect(notice.description.contains(span), "\(notice)")
            #expect(notice.description.contains("the certificate /a.pem is in use"), "\(notice)")
        }
    }
}
