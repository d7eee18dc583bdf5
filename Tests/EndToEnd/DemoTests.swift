import Fixtures
import Glibc
import Linux
import Testing

/// `troop demo`, as a person starts and stops it.
@Suite(.serialized) struct DemoTests {
    /// Folders of demos in the temporary folder.
    private func folders(_ temporary: String) -> [String] {
        var names: [String] = []
        guard let directory = opendir(temporary) else { return [] }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasPrefix("troop-demo-") { names.append(name) }
        }
        return names
    }

    /// Processes whose command line names a demo's folder.
    private func processes(naming text: String) -> [String] {
        var found: [String] = []
        guard let directory = opendir("/proc") else { return [] }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name.allSatisfy(\.isNumber) else { continue }
            let line = Program.text(of: "/proc/\(name)/cmdline").replacing("\0", with: " ")
            if line.contains(text) { found.append(line) }
        }
        return found
    }

    @Test(.timeLimit(.minutes(2)), arguments: [SIGINT, SIGTERM])
    func aDemoServesAndLeavesNothing(_ signal: Int32) async throws {
        var template = Array("/tmp/troop-demo-test-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let temporary = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            unlink("\(temporary)/log")
            rmdir(temporary)
        }
        let port = try RedisServer.freePort()
        let demo = try Program(
            ["demo", "--port", "\(port)"], log: "\(temporary)/log", environment: ["TMPDIR=\(temporary)"])
        let isUp = await eventually(within: 30_000) { demo.output.contains("A troop of 3 is up") }
        #expect(isUp, "\(demo.output)")
        #expect(demo.output.contains("http://127.0.0.1:\(port)/"))
        let folder = try #require(folders(temporary).first)
        #expect(!processes(naming: folder).isEmpty)
        demo.signal(signal)
        #expect(demo.wait(within: 30_000) == 0, "\(demo.output)")
        #expect(folders(temporary).isEmpty)
        #expect(processes(naming: folder).isEmpty)
    }

    @Test(.timeLimit(.minutes(2))) func aDemoCanBeTimed() throws {
        let port = try RedisServer.freePort()
        let run = try Program.run(
            ["demo", "--agents", "1", "--port", "\(port)", "--keep-running-for", "5s"], within: 60_000)
        #expect(run.code == 0, "\(run.output)")
        #expect(run.output.contains("leader a"), "\(run.output)")
    }

    @Test func aTakenPortIsTold() throws {
        let redis = try RedisServer()
        let run = try Program.run(["demo", "--port", "\(redis.port)"])
        #expect(run.code == 1)
        #expect(run.output.contains("choose another with --port"))
    }
}
