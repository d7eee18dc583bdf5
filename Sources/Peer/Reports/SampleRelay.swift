import Linux
package import Store
import Synchronization
import Transfer

/// Another host's last sample, asked of its own agent when somebody wants to see it.
package final class SampleRelay: Sendable {
    /// Agents that are being asked at a time, at most.
    static let underWayMax = 4
    /// How long an agent may take to answer, in milliseconds.
    private static let timeoutMilliseconds = 2000
    /// No sample is larger.
    private static let answerBytesMax = 1024 * 1024

    private enum Outcome: Sendable {
        case sample(SampleDocument)
        case unreachable
        case refused(String)
    }

    private let store: Store
    private let keys: Keys
    private let token: Secret?
    private let underWay = Atomic(0)

    /// A relay that finds agents in their reports; `token` is shown to them.
    package init(store: Store, keys: Keys, token: Secret?) {
        self.store = store
        self.keys = keys
        self.token = token
    }

    /// The answer to `GET /v1/hosts/NAME/sample`.
    func answer(_ name: String) async -> Response {
        let shown = name.prefix(80)
        let api: SocketAddress
        do throws(StoreFault) {
            let reply = try await store.call(Command("HMGET", keys.host(name), "address", "api"))
            guard case .array(let fields) = reply, fields.first?.text != nil else {
                return .error(404, "no host '\(shown)' reports")
            }
            guard let address = fields.last?.text.flatMap({ try? SocketAddress($0) }) else {
                return SampleRelay.unknown
            }
            api = address
        } catch {
            return .error(error.httpStatus, "\(error)")
        }
        defer { underWay.wrappingSubtract(1, ordering: .relaxed) }
        guard underWay.wrappingAdd(1, ordering: .relaxed).newValue <= SampleRelay.underWayMax else {
            return .error(503, "too many agents are being asked for samples already; try again in a moment")
        }
        switch await ControlLine.blocking(named: "troop-sample", { [self] in ask(api) }) {
        case .sample(let document): return .json(200, document)
        case .unreachable: return SampleRelay.unknown
        case .refused(let why): return .error(502, "the agent of '\(shown)' at \(api): \(why)")
        }
    }

    /// No fault, and no complaint in a browser's console: most agents listen on loopback only, and some host has died
    /// just now.
    private static var unknown: Response {
        Response(status: 200, contentType: "application/json", body: Array("null\n".utf8))
    }

    private func ask(_ api: SocketAddress) -> Outcome {
        var transfer = Transfer(url: "http://\(api)/v1/sample")
        transfer.timeoutMilliseconds = SampleRelay.timeoutMilliseconds
        transfer.answerBytesMax = SampleRelay.answerBytesMax
        if let token { transfer.headers = ["Authorization: Bearer \(token.revealed)"] }
        do throws(TransferFault) {
            let answer = try transfer.perform()
            guard answer.status == 200 else { return .refused("it answered \(answer.status)") }
            guard let document = try? JSONForm.document(SampleDocument.self, from: answer.body) else {
                return .refused("its answer is no sample")
            }
            return .sample(document)
        } catch {
            return .unreachable
        }
    }
}
