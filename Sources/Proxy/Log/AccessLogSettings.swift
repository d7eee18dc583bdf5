/// Where and how requests are logged.
package struct AccessLogSettings: Sendable, Equatable {
    /// How a line is written.
    package enum Format: String, Sendable, Equatable, CaseIterable {
        /// `key=value`, texts in quotes.
        case logfmt
        /// One JSON object a line.
        case json
    }

    /// Where the lines go.
    package enum Target: Sendable, Equatable {
        case standardOutput
        /// A file that is appended to, or a named pipe.
        case file(String)
    }

    package var target: Target
    package var format = Format.logfmt
    /// Memory for lines not yet written, for each worker; when it is full, lines are dropped and counted.
    package var ringBytes = 1024 * 1024

    /// A log at a target, in the default format.
    package init(_ target: Target) { self.target = target }
}
