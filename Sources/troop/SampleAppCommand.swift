import ArgumentParser
import Glibc
import Linux
import Peer
import Synchronization
import UnixSignals

/// `troop sample-app`: a small application to put behind the proxy and to make trouble with.
struct SampleAppCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample-app", abstract: "Run a sample application for demos and tests.",
        discussion: """
            GET /             answers its name
            GET /healthz      200, or 500 while it plays sick
            GET /slow?ms=N    answers after N milliseconds (up to 60000)
            GET /burn?seconds=N   burns one CPU for N seconds (up to 600)
            GET /sick?seconds=N   fails its health check for N seconds (up to 600)
            POST /echo        answers the request's body
            """)

    @Option(help: "The port to listen on.")
    var port: UInt16
    @Option(help: "The numeric address to listen on.")
    var address = "127.0.0.1"
    @Option(help: "The name it answers with (default: app-PORT).")
    var name: String?

    func run() async throws {
        let app = SampleApp(name: name ?? "app-\(port)")
        let listen: SocketAddress
        do {
            listen = try SocketAddress(host: address, port: port)
        } catch {
            throw ValidationError("--address: \(error)")
        }
        let server: HTTPServer
        do {
            server = try HTTPServer(
                named: "sample-app",
                report: {
                    ExitStatus.complain("cannot accept connections for now (\($0)); raise 'ulimit -n'")
                }, handler: { await app.answer($0) })
            try server.listen(tcp: listen)
            try server.start()
        } catch {
            ExitStatus.complain("cannot listen on \(listen): \(error.reason)")
            throw ExitStatus.degraded
        }
        // Trapped before anybody is told: later there may be no descriptor left for it.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        ExitStatus.complain("sample application \(app.name) listens on \(listen)")
        for await _ in signals { break }
        server.stop()
    }
}

/// The sample application's answers.
private final class SampleApp: Sendable {
    let name: String
    private let sickUntil = Mutex(Instant(nanoseconds: 0))

    /// The longest that anything asked for may last, in seconds.
    private static let secondsMax = 600

    init(name: String) { self.name = name }

    func answer(_ request: Request) async -> Response {
        switch request.path {
        case "/": return signed(.text(200, "hello from \(name)"))
        case "/healthz":
            let isSick = sickUntil.withLock { Instant.now() < $0 }
            return isSick ? .text(500, "\(name) plays sick") : .text(200, "ok")
        case "/slow":
            guard let wait = number(request, "ms", 0...60_000) else { return .text(400, "?ms=0…60000") }
            try? await Task.sleep(for: .milliseconds(wait))
            return signed(.text(200, "\(name) took \(wait) ms"))
        case "/burn":
            guard let seconds = number(request, "seconds", 1...SampleApp.secondsMax) else {
                return .text(400, "?seconds=1…\(SampleApp.secondsMax)")
            }
            guard burn(seconds) else { return .text(500, "cannot start a thread") }
            return signed(.text(200, "\(name) burns one CPU for \(seconds) s"))
        case "/sick":
            guard let seconds = number(request, "seconds", 1...SampleApp.secondsMax) else {
                return .text(400, "?seconds=1…\(SampleApp.secondsMax)")
            }
            sickUntil.withLock { $0 = Instant.now().advanced(milliseconds: Int64(seconds) * 1000) }
            return signed(.text(200, "\(name) plays sick for \(seconds) s"))
        case "/echo": return signed(Response(status: 200, contentType: "text/plain", body: request.body))
        default: return .text(404, "no such path; there are / /healthz /slow /burn /sick /echo")
        }
    }

    private func signed(_ response: Response) -> Response {
        var response = response
        response.fields.append(("X-Served-By", name))
        return response
    }

    private func number(_ request: Request, _ name: String, _ range: ClosedRange<Int>) -> Int? {
        request.query[name].flatMap { Int($0) }.flatMap { range.contains($0) ? $0 : nil }
    }

    private func burn(_ seconds: Int) -> Bool {
        let end = Instant.now().advanced(milliseconds: Int64(seconds) * 1000)
        let thread = try? Thread.start(named: "burn") {
            var sum: UInt64 = 1
            while Instant.now() < end {
                for number in 0..<100_000 { sum = sum &* 6_364_136_223_846_793_005 &+ UInt64(number) }
            }
            if sum == 0 { sched_yield() }  // keeps the sum, and so the work, alive
        }
        thread?.detach()
        return thread != nil
    }
}
