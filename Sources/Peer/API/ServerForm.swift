import FoundationEssentials
import Proxy

/// Why the body of a request is not taken: a sentence that says what to do.
package struct FormFault: Error, Equatable {
    package let sentence: String
}

/// What `POST /v1/servers` may say of a server; members that are not named stay as they are.
struct ServerForm: Equatable {
    let address: String
    let host: String?
    let state: ServerState?
    let weight: Int?
    let reason: String?
    let by: String?

    private static let example = "expected JSON such as {\"address\":\"10.0.0.9:3000\",\"weight\":100}"

    /// Reads a body; throws what is wrong with it, with the member's name.
    init(_ body: [UInt8]) throws(FormFault) {
        let form: Body
        do {
            let names = try JSONDecoder().decode(MemberNames.self, from: Data(body)).names
            for name in names where Name(rawValue: name) == nil { throw ServerForm.unknown(name) }
            form = try JSONDecoder().decode(Body.self, from: Data(body))
        } catch {
            throw ServerForm.fault(error)
        }
        guard let address = form.address else {
            throw FormFault(sentence: "'address' is missing; \(ServerForm.example)")
        }
        self.address = address
        state = try form.state.map { text throws(FormFault) in
            guard let state = ServerState(rawValue: text) else {
                throw FormFault(
                    sentence: "state is '\(shown(text))'; expected active, draining or out")
            }
            return state
        }
        if let weight = form.weight, !ServerEntry.weights.contains(weight) {
            throw FormFault(sentence: "weight is \(weight); expected 1 to 256")
        }
        weight = form.weight
        host = try form.host.map { text throws(FormFault) in try FormText.plain(text, "host", max: nil) }
        reason = try form.reason.map { text throws(FormFault) in try FormText.plain(text, "reason", max: nil)
        }
        by = try form.by.map { text throws(FormFault) in try FormText.plain(text, "by", max: nil) }
    }

    private enum Name: String, CaseIterable {
        case address, host, state, weight, reason, by
    }

    private struct Body: Decodable {
        var address: String?
        var host: String?
        var state: String?
        var weight: Int?
        var reason: String?
        var by: String?
    }

    /// The names of an object's members as they stand in the JSON.
    private struct MemberNames: Decodable {
        let names: [String]

        private struct AnyName: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init?(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            names = try decoder.container(keyedBy: AnyName.self).allKeys.map(\.stringValue).sorted()
        }
    }

    private static func unknown(_ name: String) -> FormFault {
        let known = Name.allCases.map(\.rawValue)
        let near = nearest(to: name.lowercased(), among: known.map { ($0, $0) })
        return FormFault(
            sentence: "there is no member '\(shown(name))'; "
                + (near.map { "did you mean '\($0)'?" } ?? "there are \(known.joined(separator: ", "))"))
    }

    private static func fault(_ error: any Error) -> FormFault {
        if let fault = error as? FormFault { return fault }
        guard case .typeMismatch(_, let context) = error as? DecodingError,
            let name = context.codingPath.last.flatMap({ Name(rawValue: $0.stringValue) })
        else { return FormFault(sentence: example) }
        return FormFault(
            sentence: "'\(name.rawValue)' is not a \(name == .weight ? "number" : "string"); \(example)")
    }
}
