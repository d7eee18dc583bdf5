import Linux
package import Store

/// What stands before the API at its TCP listener: how often a client may ask, under which names, with which token; and
/// the fields that tell browsers what they may do with an answer. The socket's file is its own permission.
package struct APIGate: Sendable {
    private let names: HostNames
    private let token: Secret?
    private let rates = ClientRates()
    private let quick: HTTPServer.QuickHandler
    private let handler: HTTPServer.Handler

    /// Routes for balancers: they tell a word, and are asked under any name, by anyone, at any pace.
    private static let open: Set<String> = ["/health", "/leader", "/standby", "/ready"]
    /// Flag evaluations, which an application may ask for with each of its own requests.
    private static let unmetered = "/ofrep/"

    /// A gate before a handler; `names` are the names in `Host` besides `localhost`, `token` is what clients must show.
    package init(
        names: [String], token: Secret?, quick: @escaping HTTPServer.QuickHandler = { _ in nil },
        handler: @escaping HTTPServer.Handler
    ) {
        self.names = HostNames(names)
        self.token = token
        self.quick = quick
        self.handler = handler
    }

    /// Answers a request, or says why it may not be made.
    package func answer(_ request: Request) async -> Response {
        if let refusal = refusal(of: request) { return APIGate.guarded(refusal) }
        return APIGate.guarded(await handler(request))
    }

    /// Answers a request that takes no more than microseconds; nil for all others.
    package func quickAnswer(_ request: Request) -> Response? {
        guard request.path.hasPrefix(APIGate.unmetered) else { return nil }
        if let refusal = refusal(of: request) { return APIGate.guarded(refusal) }
        return quick(request).map(APIGate.guarded)
    }

    /// The answer with what it tells browsers.
    private static func guarded(_ answer: Response) -> Response {
        var response = answer
        let isPage = response.contentType.hasPrefix("text/html")
        response.fields += [
            (
                "Content-Security-Policy",
                isPage ? APIGate.pagePolicy : "default-src 'none'; frame-ancestors 'none'"
            ),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Referrer-Policy", "no-referrer"),
        ]
        if isPage {
            response.fields += [("Cross-Origin-Opener-Policy", "same-origin"), ("X-Frame-Options", "DENY")]
        }
        return response
    }

    /// What the dashboard may do: load its own files and ask its own agent.
    private static let pagePolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    private func refusal(of request: Request) -> Response? {
        guard request.door == .tcp, !APIGate.open.contains(request.path) else { return nil }
        if let client = request.client, !request.path.hasPrefix(APIGate.unmetered),
            !rates.admits(client, at: .now())
        {
            var response = Response.error(
                429,
                "more than \(Int(ClientRates.perSecond)) requests a second; ask less often, or use /v1/stream"
            )
            response.fields.append(("Retry-After", "1"))
            return response
        }
        guard names.contains(request.host) else {
            return .error(
                421,
                "this agent is not asked under the name '\(shown(request.host ?? ""))'; add it to api.hosts")
        }
        if let token, !DashboardFiles.contains(request.path), !isShown(token, in: request) {
            var response = Response.error(
                401, "show the token of api.token_file: 'Authorization: Bearer TOKEN'")
            response.fields.append(("WWW-Authenticate", "Bearer realm=\"troop\""))
            return response
        }
        return nil
    }

    /// Compares in a time that does not tell how much was right.
    private func isShown(_ token: Secret, in request: Request) -> Bool {
        guard let field = request.fields["authorization"], field.lowercased().hasPrefix("bearer ") else {
            return false
        }
        let given = Array(field.utf8.dropFirst("bearer ".utf8.count))
        let wanted = Array(token.revealed.utf8)
        var difference = given.count ^ wanted.count
        for index in given.indices { difference |= Int(given[index] ^ wanted[index % wanted.count]) }
        return difference == 0
    }
}
