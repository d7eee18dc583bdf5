import ArgumentParser
import Peer

/// A duration on the command line, as in the configuration: `250ms`, `30s`, `5m`.
struct TimeSpan: ExpressibleByArgument {
    let milliseconds: Int64

    init?(argument: String) {
        guard let milliseconds = QuantityUnit.milliseconds(argument) else { return nil }
        self.milliseconds = milliseconds
    }
}
