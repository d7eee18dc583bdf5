import Glibc
import Linux
import Synchronization

/// Keeps asking a proxy at a steady rate over kept connections, and judges what it gets.
///
/// A client as people write them: it connects again when the connect is refused, or when the connection ends
/// before the first byte of the answer to a request that may be sent twice, for at most `patience`. An answer that
/// breaks off is counted as cut; everything else that is not a whole 200 with the right content is a failure.
final class LoadClient: Sendable {
    struct Failure: Sendable, CustomStringConvertible {
        let request: LoadRequest
        let what: String

        var description: String { "\(request): \(what)" }
    }

    struct Tally: Sendable {
        var answered = 0
        var answeredByMethod: [LoadRequest.Method: Int] = [:]
        /// Those whose answers had begun when their connections ended.
        var cuts: [LoadRequest] = []
        /// Tries that were repeated, by the rules above.
        var reconnects = 0
        var failures: [Failure] = []
        /// The longest time from a request's beginning to its answer, in milliseconds.
        var longestMilliseconds: Int64 = 0

        var cut: Int { cuts.count }
        /// In what ways requests failed.
        var reasons: Set<String> { Set(failures.map(\.what)) }
        /// The numbers of the requests that got no whole answer.
        var lost: Set<Int> { Set(failures.map(\.request.number) + cuts.map(\.number)) }
    }

    private struct State {
        var tally = Tally()
        var stops = false
        var threads: [Thread] = []
    }

    private let port: UInt16
    private let keepsConnections: Bool
    private let mix: LoadRequest.Mix
    private let trust: LoadTrust?
    private let state = Mutex(State())

    /// How long one request may be tried again and again, in milliseconds.
    static let patienceMilliseconds: Int64 = 1500
    /// Apart from thread to thread, and a multiple of the length of any mix.
    private static let numbersPerThread = 1_000_000

    /// Starts `threads` clients that together send `perSecond` requests a second, each over its own connection, or
    /// each request over a new one; by TLS where `trust` says whom to believe.
    init(
        port: UInt16, perSecond: Int, threads: Int = 10, keepsConnections: Bool = true,
        mix: LoadRequest.Mix = .reads, trust: LoadTrust? = nil
    ) throws {
        self.port = port
        self.keepsConnections = keepsConnections
        self.mix = mix
        self.trust = trust
        for index in 0..<threads {
            let interval = Int64(1_000_000_000) * Int64(threads) / Int64(perSecond)
            let offset = interval * Int64(index) / Int64(threads)
            let thread = try Thread.start(named: "load-\(index)") { [self] in
                if trust != nil { LoadTrust.blockPipeSignal() }
                run(interval, offset, from: index * LoadClient.numbersPerThread + index)
            }
            state.withLock { $0.threads.append(thread) }
        }
    }

    /// Ends the load and tells what came of it.
    func stop() -> Tally {
        let threads = state.withLock { state in
            state.stops = true
            defer { state.threads = [] }
            return state.threads
        }
        for thread in threads { thread.join() }
        return state.withLock { $0.tally }
    }

    /// What came of it so far.
    var tally: Tally { state.withLock { $0.tally } }

    private func run(_ interval: Int64, _ offset: Int64, from first: Int) {
        var next = Instant.now().nanoseconds + offset
        var number = first
        let connection = LoadConnection(port: port, trust: trust)
        while !state.withLock({ $0.stops }) {
            let now = Instant.now().nanoseconds
            if now < next {
                var pause = timespec(tv_sec: 0, tv_nsec: Int(min(next - now, 50_000_000)))
                nanosleep(&pause, nil)
                continue
            }
            next = max(next + interval, now)
            one(connection, LoadRequest(number, of: mix))
            number += 1
        }
    }

    private func one(_ connection: LoadConnection, _ request: LoadRequest) {
        let begin = Instant.now()
        let deadline = begin.advanced(milliseconds: LoadClient.patienceMilliseconds)
        var reconnects = 0
        while true {
            let outcome = connection.exchange(request, until: deadline.advanced(milliseconds: 3500))
            let why: String
            switch outcome {
            case .refused(let reason): why = reason
            // A server may have acted upon it.
            case .unanswered(let reason) where request.method == .post:
                return record(reconnects, begin) {
                    $0.failures.append(Failure(request: request, what: reason))
                }
            case .unanswered(let reason): why = reason
            case .answered, .cut, .failed:
                return record(reconnects, begin) { note(outcome, of: request, over: connection, in: &$0) }
            }
            connection.close()
            guard Instant.now() < deadline else {
                return record(reconnects, begin) {
                    $0.failures.append(Failure(request: request, what: "\(why) for too long"))
                }
            }
            reconnects += 1
            usleep(2000)
        }
    }

    private func note(
        _ outcome: LoadConnection.Outcome, of request: LoadRequest, over connection: LoadConnection,
        in tally: inout Tally
    ) {
        switch outcome {
        case .answered:
            tally.answered += 1
            tally.answeredByMethod[request.method, default: 0] += 1
            if !keepsConnections { connection.close() }
        case .cut: tally.cuts.append(request)
        case .failed(let why): tally.failures.append(Failure(request: request, what: why))
        case .refused, .unanswered: break
        }
    }

    private func record(_ reconnects: Int, _ begin: Instant, _ change: (inout Tally) -> Void) {
        let took = Instant.now().milliseconds(since: begin)
        state.withLock { state in
            state.tally.reconnects += reconnects
            state.tally.longestMilliseconds = max(state.tally.longestMilliseconds, took)
            change(&state.tally)
        }
    }
}
