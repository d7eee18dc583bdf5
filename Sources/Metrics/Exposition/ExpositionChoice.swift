extension MetricsText.Format {
    /// The longest `Accept` that is looked at, in bytes; a longer one gets Prometheus' text.
    private static let acceptBytesMax = 2048

    /// The format that a client's `Accept` field (RFC 9110 §12.5.1) asks for: OpenMetrics where it is named with a weight
    /// not below that of text, Prometheus' text for everything else, a field that makes no sense included.
    package init(accept: String?) {
        guard let accept, accept.utf8.count <= MetricsText.Format.acceptBytesMax else {
            self = .prometheus
            return
        }
        var (open, text) = (0, 0)
        for element in accept.split(separator: ",") {
            let parts = element.split(separator: ";").map { part in
                part.filter { $0 != " " && $0 != "\t" }.lowercased()
            }
            guard let range = parts.first else { continue }
            let version = parts.first { $0.hasPrefix("version=") }?.dropFirst("version=".count)
            let weight = MetricsText.Format.weight(parts.dropFirst())
            if range == "application/openmetrics-text", version == nil || version == "1.0.0" {
                open = max(open, weight)
            } else if range == "text/plain" || range == "text/*" || range == "*/*" {
                text = max(text, weight)
            }
        }
        self = open > 0 && open >= text ? .openMetrics : .prometheus
    }

    /// The value of `q` in thousandths; 1000 without one, 0 when it makes no sense.
    private static func weight(_ parameters: some Sequence<String>) -> Int {
        guard let text = parameters.first(where: { $0.hasPrefix("q=") }) else { return 1000 }
        guard let number = Double(text.dropFirst(2)), (0...1).contains(number) else { return 0 }
        return Int(number * 1000)
    }
}
