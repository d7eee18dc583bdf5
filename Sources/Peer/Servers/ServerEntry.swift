import FoundationEssentials
package import Linux
package import Proxy

/// One entry of the server list: what the Redis hash `servers` holds under an `address:port`.
package struct ServerEntry: Equatable, Sendable {
    /// Where the proxy sends requests.
    package var address: SocketAddress
    /// The host the application runs on; empty when nobody said.
    package var host: String
    /// Whether the proxy may pick it.
    package var state: ServerState
    /// Its share of the requests, 1…256; 100 is the norm.
    package var weight: Int
    /// Why it is in this state; empty when nobody said.
    package var reason: String
    /// Who wrote the entry: `agent`, `cli:<user>`, or empty (by hand).
    package var by: String
    /// When the entry was written, in milliseconds since 1970; nil when nobody said.
    package var since: Int64?

    /// The weights an entry may have.
    package static let weights = 1...256
    /// The weight of an entry that names none.
    package static let weightDefault = 100
    /// A longer value is taken for garbage, in bytes.
    package static let valueBytesMax = 4096

    /// Who wrote the entries that agents create for their own applications.
    package static let agent = "agent"

    /// True as long as nobody but an agent has said anything about it.
    package var isOnlyRegistered: Bool { by == ServerEntry.agent }

    /// True when both say when they were written, and this one was first.
    func isOlder(than other: ServerEntry) -> Bool {
        guard let since, let known = other.since else { return false }
        return since < known
    }

    /// An entry with the defaults that an empty value stands for.
    package init(
        address: SocketAddress, host: String = "", state: ServerState = .active,
        weight: Int = ServerEntry.weightDefault, reason: String = "", by: String = "", since: Int64? = nil
    ) {
        self.address = address
        self.host = host
        self.state = state
        self.weight = weight
        self.reason = reason
        self.by = by
        self.since = since
    }

    /// Reads a field and its value from the hash; throws what is wrong with either.
    package init(field: String, value: String) throws(ServerEntryFault) {
        self.init(address: try ServerEntry.address(field))
        if value.utf8.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }) { return }
        guard value.utf8.count <= ServerEntry.valueBytesMax else {
            throw .value("it has \(value.utf8.count) bytes; the limit is \(ServerEntry.valueBytesMax)")
        }
        let form: Form
        do {
            form = try JSONDecoder().decode(Form.self, from: Data(value.utf8))
        } catch {
            throw .value("it is not a JSON object such as {\"state\":\"active\",\"weight\":100}")
        }
        if let text = form.state {
            guard let state = ServerState(rawValue: text) else {
                throw .value("state is '\(text)'; expected active, draining or out")
            }
            self.state = state
        }
        if let weight = form.weight {
            guard ServerEntry.weights.contains(weight) else {
                throw .value("weight is \(weight); expected 1 to 256")
            }
            self.weight = weight
        }
        host = form.host ?? ""
        reason = form.reason ?? ""
        by = form.by ?? ""
        since = form.since
    }

    /// The entry's JSON value, with sorted keys so that equal entries have equal values.
    package var value: String {
        let form = Form(
            host: host.isEmpty ? nil : host, state: state.rawValue, weight: weight,
            reason: reason.isEmpty ? nil : reason, by: by.isEmpty ? nil : by, since: since)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(form) else { return "" }  // strings and integers always encode
        return String(decoding: data, as: UTF8.self)
    }

    private struct Form: Codable {
        var host: String?
        var state: String?
        var weight: Int?
        var reason: String?
        var by: String?
        var since: Int64?
    }
}

/// Why an entry of the server list is not taken.
package enum ServerEntryFault: Error, Equatable, Sendable, CustomStringConvertible {
    case address(String)
    case value(String)

    package var description: String {
        switch self {
        case .address(let why): "bad address: \(why)"
        case .value(let why): "bad value: \(why)"
        }
    }
}
