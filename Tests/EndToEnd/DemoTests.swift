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
        processes { Program.text(of: "/proc/\($0)/cmdline").contains(text) }
    }

    /// The ids of processes, as texts.
    private func processes(_ isWanted: (String) -> Bool) -> [String] {
        var found: [String] = []
        guard let directory = opendir("/proc") else { return [] }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.allSatisfy(\.isNumber), isWanted(name) { found.append(name) }
        }
        return found
    }

    /// The processes that one started.
    private func children(of id: pid_t) -> [String] {
        processes { number in
            // The fields after the name, which stands in parentheses and may hold anything.
            let fields = Program.text(of: "/proc/\(number)/stat").split(separator: ")").last?.split(
                separator: " ")
            return fields.flatMap { $0.count > 1 ? Int32($0[1]) : nil } == id
        }
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
        if Python.hasChromium, signal == SIGINT {
            let mark = "The dashboard: "
            let line = demo.output.split(separator: "\n").first { $0.contains(mark) }
            let url = try #require(line?.split(separator: " ").last.map(String.init))
            let script = try Python.Script("dashboard_look.py", [url, "3", Python.pictures])
            #expect(script.end() == 0, "\(url): \(script.heard)")
        }
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

    @Test(.timeLimit(.minutes(2))) func aKilledDemoLeavesNoProcessAndItsFolderOnlyUntilTheNext() async throws
    {
        var template = Array("/tmp/troop-demo-test-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let temporary = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            unlink("\(temporary)/log")
            rmdir("\(temporary)/troop-demo-strang")
            rmdir(temporary)
        }
        let port = try RedisServer.freePort()
        let environment = ["TMPDIR=\(temporary)"]
        let demo = try Program(
            ["demo", "--agents", "1", "--port", "\(port)"], log: "\(temporary)/log", environment: environment)
        let isUp = await eventually(within: 30_000) { demo.output.contains("A troop of 1 is up") }
        #expect(isUp, "\(demo.output)")
        let folder = try #require(folders(temporary).first)
        // A second demo does not share the port, and does not take the first one's folder for a dead one's.
        let second = try Program.run(
            ["demo", "--agents", "1", "--port", "\(port)"], environment: environment)
        #expect(second.code == 1)
        #expect(second.output.contains("port 127.0.0.1:\(port) is taken"), "\(second.output)")
        #expect(second.output.contains("choose another with --port"))
        let third = try Program.run(
            ["demo", "--agents", "1", "--port", "\(try RedisServer.freePort())", "--keep-running-for", "1s"],
            environment: environment, within: 60_000)
        #expect(third.code == 0, "\(third.output)")
        #expect(folders(temporary) == [folder])

        let children = children(of: demo.id)
        #expect(children.count == 3)
        demo.signal(SIGKILL)
        _ = demo.wait()
        // What has ended and nobody has waited for has no command line.
        let areGone = await eventually {
            children.allSatisfy { Program.text(of: "/proc/\($0)/cmdline").isEmpty }
        }
        #expect(areGone, "\(children)")
        #expect(folders(temporary) == [folder])
        mkdir("\(temporary)/troop-demo-strang", 0o700)  // of somebody else: it has no lock
        let next = try Program.run(
            ["demo", "--agents", "1", "--port", "\(port)", "--keep-running-for", "1s"],
            environment: environment, within: 60_000)
        #expect(next.code == 0, "\(next.output)")
        #expect(folders(temporary) == ["troop-demo-strang"])
    }
}
