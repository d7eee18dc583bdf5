import Linux
package import Metrics
package import Proxy

/// What is measured, over HTTP.
package struct MetricsRoutes: Sendable {
    private let proxy: Proxy
    private let watch: HostWatch
    private let history: HistoryKeeper
    private let sources: [any MetricSource]

    /// `GET /v1/hosts/NAME/history`.
    static let hosts = "/v1/hosts/"
    static let history = "/history"

    /// Routes over what one agent measures; each of `sources` adds to `/metrics`.
    package init(proxy: Proxy, watch: HostWatch, history: HistoryKeeper, sources: [any MetricSource]) {
        self.proxy = proxy
        self.watch = watch
        self.history = history
        self.sources = sources
    }

    /// Answers a GET; nil for a path that is not one of these.
    package func answer(_ request: Request) async -> Response? {
        switch request.path {
        case "/metrics": return await metrics(request)
        case "/v1/sample": return .json(200, SampleDocument(watch.last))
        default:
            guard request.path.hasPrefix(MetricsRoutes.hosts), request.path.hasSuffix(MetricsRoutes.history)
            else { return nil }
            let name = request.path.dropFirst(MetricsRoutes.hosts.count).dropLast(MetricsRoutes.history.count)
            return name.isEmpty ? nil : history(String(name), request)
        }
    }

    private func metrics(_ request: Request) async -> Response {
        let format = MetricsText.Format(accept: request.fields["accept"])
        let families = await MetricsRoutes.families(proxy: proxy, sources: sources)
        var response = Response(
            status: 200, contentType: format.contentType, body: MetricsText.bytes(of: families, as: format))
        response.fields.append(("Vary", "Accept"))
        return response
    }

    /// Every family of an agent.
    package static func families(proxy: Proxy, sources: [any MetricSource]) async -> [MetricFamily] {
        var families = ProxyMetrics.families(proxy.snapshot())
        for source in sources { families += await source.metricFamilies() }
        return MetricsText.withLeftOut(families)
    }

    private func history(_ name: String, _ request: Request) -> Response {
        let wall = WallClock.milliseconds()
        let query: HistoryQuery
        do {
            query = try HistoryQuery(request.query, nowMilliseconds: wall)
        } catch {
            return .error(400, error.sentence)
        }
        guard let answer = history.answer(name, query, at: .now(), wallMilliseconds: wall) else {
            return .error(
                404,
                "nothing is remembered of '\(name.prefix(80))' here; the leader and the warm standbys keep the history of hosts that report"
            )
        }
        return .json(200, answer)
    }
}
