import Glibc
import Linux
import Testing

/// Plays the scripts of `Tests/Scripts` with varnishtest, which is both client and server: a second opinion on HTTP.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ScriptedTests {
    private static let program = "/usr/bin/varnishtest"

    private static var folder: String {
        let here = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        return here.joined(separator: "/") + "/Scripts"
    }

    @Test(
        .enabled(if: access(program, X_OK) == 0, "varnishtest (Debian's varnish) is not installed"),
        arguments: ["keepalive", "continue", "stale", "refused", "broken", "websocket"])
    func theScriptIsPlayedToItsEnd(_ name: String) throws {
        // The script's server listens where nobody does yet.
        let server = try Rig.deadAddress()
        let rig = try Rig([server])
        let path = "\(Self.folder)/\(name).vtc"
        #expect(access(path, R_OK) == 0)
        let words = [
            Self.program, "-v", "-t", "30", "-D", "proxy=\(rig.address)", "-D", "server=\(server)", path,
        ]
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var child: pid_t = 0
        let failure = posix_spawn(&child, words[0], &actions, nil, arguments, environ)
        close(ends[1])
        defer { close(ends[0]) }
        try #require(failure == 0)
        var output: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = read(ends[0], &piece, piece.count)
            guard count > 0 else { break }
            output += piece.prefix(count)
        }
        var status: Int32 = -1
        #expect(waitpid(child, &status, 0) == child)
        #expect(status == 0, "\(name): \(String(decoding: output, as: UTF8.self))")
    }
}
