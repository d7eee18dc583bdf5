/// A request head as the backend got it, reduced to what every proxy must hand on unchanged.
struct RequestHead: Equatable {
    /// Method, target and version.
    let requestLine: String
    /// The end-to-end fields, `name: value` with the name in lower case, sorted.
    let fields: [String]
    /// The names of the fields that a proxy adds about itself and the client.
    let added: [String]

    /// Reads a head as it came over the wire; nil when it is not one.
    init?(_ text: String) {
        var lines = text.split(separator: "\r\n", omittingEmptySubsequences: true)[...]
        guard let first = lines.popFirst(), first.split(separator: " ").count == 3 else { return nil }
        requestLine = String(first)
        var all: [(name: String, value: String)] = []
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            all.append((line[..<colon].lowercased(), String(value)))
        }
        var hopByHop: Set = [
            "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
        ]
        for field in all where field.name == "connection" {
            for option in field.value.split(separator: ",") {
                hopByHop.insert(String(option.filter { $0 != " " }).lowercased())
            }
        }
        let endToEnd = all.filter { !hopByHop.contains($0.name) }
        fields = endToEnd.filter { !RequestHead.isForwarding($0.name) }.map { "\($0.name): \($0.value)" }
            .sorted()
        added = endToEnd.filter { RequestHead.isForwarding($0.name) }.map(\.name).sorted()
    }

    /// True when the application behind the proxy sees the same request.
    func asksTheSame(as other: RequestHead) -> Bool {
        requestLine == other.requestLine && fields == other.fields
    }

    private static func isForwarding(_ name: String) -> Bool {
        name == "via" || name == "forwarded" || name.hasPrefix("x-forwarded-")
    }
}
