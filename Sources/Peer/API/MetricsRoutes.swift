import Linux
package import Metrics
package import Proxy

/// What is measured, over HTTP.
package struct MetricsRoutes: Sendable {
    private let proxy: Proxy
    private let watch: HostWatch
    private let history: HistoryKeeper
    private let host: String
    private let samples: SampleRelay
    private let sources: [any MetricSource]

    /// `GET /v1/hosts/NAME/history` and `GET /v1/hosts/NAME/sample`.
    static let hosts = "/v1/hosts/"
    static let history = "/history"
    static let sample = "/sample"

    /// Routes over what the agent of `host` measures; each of `sources` adds to `/metrics`. What other hosts measure is
    /// asked of `samples`.
    package init(
        proxy: Proxy, watch: HostWatch, history: HistoryKeeper, host: String, samples: SampleRelay,
        sources: [any MetricSource]
    ) {
        self.proxy = proxy
        self.watch = watch
        self.history = history
        self.host = host
        self.samples = samples
        self.sources = sources
    }

    /// Answers a GET; nil for a path that is not one of these.
    package func answer(_ request: Request) async -> Response? {
        switch request.path {
        case "/metrics": return await metrics(request)
        case "/v1/sample": return .json(200, SampleDocument(watch.last))
        default:
            guard request.path.hasPrefix(MetricsRoutes.hosts) else { return nil }
            let rest = request.path.dropFirst(MetricsRoutes.hosts.count)
            if let name = MetricsRoutes.name(rest, MetricsRoutes.history) { return history(name, request) }
            guard let name = MetricsRoutes.name(rest, MetricsRoutes.sample) else { return nil }
            return name == host ? .json(200, SampleDocument(watch.last)) : await samples.answer(name)
        }
    }

    private static func name(_ path: Substring, _ end: String) -> String? {
        path.hasSuffix(end) && path.count > end.count ? String(path.dropLast(end.count)) : nil
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
