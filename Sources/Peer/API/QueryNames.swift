/// Which parameters the routes under `/v1/` take in their query. A name that a route does not know is refused: one that is
/// misspelt would be passed over, and nobody would notice.
enum QueryNames {
    /// A route of docs/openapi.json, which a test holds against this list.
    struct Route: Sendable {
        let method: String
        /// As the description writes it; what stands in braces may be anything.
        let path: String
        var names: [String] = []
    }

    static let routes = [
        Route(method: "GET", path: "/v1/openapi.json"),
        Route(method: "GET", path: "/v1/status"),
        Route(method: "GET", path: LiveFeed.path),
        Route(method: "GET", path: "/v1/history", names: ["count"]),
        Route(method: "GET", path: "/v1/events", names: EventQuery.names),
        Route(method: "GET", path: "/v1/check"),
        Route(method: "GET", path: "/v1/sample"),
        Route(method: "GET", path: "/v1/hosts/{name}/history", names: ["from", "step", "series"]),
        Route(method: "GET", path: "/v1/hosts/{name}/sample"),
        Route(method: "GET", path: "/v1/servers"),
        Route(method: "POST", path: "/v1/servers"),
        Route(method: "DELETE", path: "/v1/servers/{address}", names: ["by", "reason"]),
        Route(method: "POST", path: "/v1/switchover"),
        Route(method: "POST", path: "/v1/pause"),
        Route(method: "POST", path: "/v1/resume"),
        Route(method: "POST", path: "/v1/upgrade"),
        Route(method: "GET", path: "/v1/monkeys"),
        Route(method: "GET", path: "/v1/operations", names: ["count"]),
        Route(method: "GET", path: "/v1/operations/{id}", names: ["log"]),
        Route(method: "POST", path: "/v1/remedies"),
        Route(method: "POST", path: "/v1/provider/test"),
        Route(method: "GET", path: "/v1/flags"),
        Route(method: "GET", path: "/v1/flags/{key}"),
        Route(method: "PUT", path: "/v1/flags/{key}", names: ["by", "reason"]),
        Route(method: "POST", path: "/v1/flags/{key}"),
        Route(method: "DELETE", path: "/v1/flags/{key}", names: ["by", "reason"]),
        Route(method: "GET", path: "/v1/flag-history", names: ["key", "count"]),
        Route(method: "GET", path: "/v1/flagset"),
        Route(method: "POST", path: "/v1/flagset", names: ["replace", "by", "reason"]),
    ]

    /// The answer to a request with a name that its route does not know; nil for all others. Paths and methods that there
    /// are not have answers of their own.
    static func refusal(of request: Request) -> Response? {
        guard !request.query.isEmpty, request.path.hasPrefix("/v1/") else { return nil }
        let method = request.method == "HEAD" ? "GET" : request.method
        guard let route = routes.first(where: { $0.method == method && fits($0.path, request.path) })
        else { return nil }
        do throws(FormFault) {
            try check(request.query, against: route.names)
            return nil
        } catch {
            return .error(400, error.sentence)
        }
    }

    /// Throws where a query has a name that is not among those `known`.
    static func check(_ query: [String: String], against known: [String]) throws(FormFault) {
        guard let name = query.keys.filter({ !known.contains($0) }).min() else { return }
        let there =
            switch known.count {
            case 0: "this path takes none"
            case 1: "there is \(known[0])"
            default: "there are \(known.dropLast().joined(separator: ", ")) and \(known[known.count - 1])"
            }
        throw FormFault(sentence: "there is no parameter '\(shown(name))'; \(there)")
    }

    /// Whether a path is one of a route's: what stands before and behind its braces is the path's own.
    private static func fits(_ template: String, _ path: String) -> Bool {
        guard let open = template.firstIndex(of: "{"), let close = template.firstIndex(of: "}") else {
            return template == path
        }
        let (head, tail) = (template[..<open], template[template.index(after: close)...])
        return path.hasPrefix(head) && path.hasSuffix(tail)
            && path.utf8.count >= head.utf8.count + tail.utf8.count
    }
}
