import Conformance
import Glibc
import Linux
import Proxy

/// A proxy that plays the table: this project's in this process, another one as a child.
final class Contestant {
    let name: String
    let version: String
    let address: SocketAddress
    let recorder: Recorder
    private let proxy: Proxy?
    private let child: pid_t?

    private init(
        name: String, version: String, address: SocketAddress, recorder: Recorder, proxy: Proxy?,
        child: pid_t?
    ) {
        self.name = name
        self.version = version
        self.address = address
        self.recorder = recorder
        self.proxy = proxy
        self.child = child
    }

    /// This project's proxy with its default settings.
    static func troop() throws -> Contestant {
        let recorder = try Recorder()
        let any = try SocketAddress("127.0.0.1:0", allowingPortZero: true)
        let proxy = try Proxy(ProxySettings(listen: any, workers: 1))
        proxy.publish([RoutedServer(address: recorder.address, host: "recorder")])
        try proxy.open()
        return Contestant(
            name: "Troop", version: "this tree", address: proxy.address ?? any, recorder: recorder,
            proxy: proxy,
            child: nil)
    }

    /// Another proxy with the configuration of the benchmark; nil when it is not installed.
    static func rival(
        _ name: String, program: String, template: String, folder: String, arguments: (String) -> [String]
    ) throws -> Contestant? {
        guard let path = find(program) else { return nil }
        let recorder = try Recorder()
        let address = try freeAddress()
        let file = "\(folder)/\(program).conf"
        guard let text = read("Benchmarks/rivals/\(template)") else {
            throw SystemFault("open Benchmarks/rivals/\(template)")
        }
        let filled = RivalConfiguration.plain(
            text, listen: "\(address)", backend: "\(recorder.address)", folder: folder)
        guard write(filled, to: file) else { throw SystemFault("write \(file)") }
        let version = output([path, "-v"], folder)
        guard let child = spawn([path] + arguments(file), log: "\(folder)/\(program).log") else {
            throw SystemFault("posix_spawn \(path)")
        }
        let contestant = Contestant(
            name: name, version: version, address: address, recorder: recorder, proxy: nil, child: child)
        guard contestant.isUp() else {
            contestant.stop()
            throw SystemFault("connect to \(name), which says:\n\(read("\(folder)/\(program).log") ?? "")")
        }
        return contestant
    }

    /// Plays a case; what happened, in a few words.
    func play(_ item: Case, patience: Int32) -> String {
        recorder.rest()
        return Conversation(item, over: address, recorder, patience: patience).summary(item)
    }

    func stop() {
        proxy?.stop()
        recorder.stop()
        guard let child else { return }
        kill(child, SIGKILL)
        waitpid(child, nil, 0)
    }

    /// True once connections are taken; waits ten seconds at most.
    private func isUp() -> Bool {
        for _ in 0..<500 {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            if address.withSockaddr({ connect(descriptor, $0, $1) }) == 0 { return true }
            usleep(20_000)
        }
        return false
    }

    // MARK: Programs and files

    private static func find(_ program: String) -> String? {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        let folders = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/local/sbin"]
        return folders.map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
    }

    private static func freeAddress() throws -> SocketAddress {
        let proxy = try Proxy(
            ProxySettings(listen: try SocketAddress("127.0.0.1:0", allowingPortZero: true), workers: 1))
        try proxy.open()
        defer { proxy.stop() }
        guard let address = proxy.address else { throw SystemFault("bind") }
        return address
    }

    private static func read(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    static func write(_ text: String, to path: String) -> Bool {
        guard let file = fopen(path, "w") else { return false }
        defer { fclose(file) }
        return fputs(text, file) >= 0
    }

    private static func spawn(_ words: [String], log: String) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in [Int32(1), 2] {
            posix_spawn_file_actions_addopen(&actions, descriptor, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        }
        var arguments = words.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var child = pid_t()
        return posix_spawn(&child, words[0], &actions, nil, arguments, environ) == 0 ? child : nil
    }

    private static func output(_ words: [String], _ folder: String) -> String {
        let log = "\(folder)/version"
        unlink(log)
        guard let child = spawn(words, log: log) else { return "unknown" }
        waitpid(child, nil, 0)
        let line = (read(log) ?? "").prefix { $0 != "\n" }
        let words = line.split { $0 == " " || $0 == "/" }
        return words.first { $0.first?.isNumber == true }.map(String.init) ?? "unknown"
    }
}
