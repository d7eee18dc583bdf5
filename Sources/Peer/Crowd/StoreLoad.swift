package import Linux
package import Store

/// What a Redis says of its own work, between two readings.
package struct StoreLoad: Sendable {
    /// Numbers of `INFO`.
    package struct Reading: Sendable {
        package var cpuSeconds: Double
        package var clients: Int64
        package var memoryBytes: Int64
        package var readAt: Instant
    }

    /// Asks Redis; throws when it does not answer.
    package static func read(_ connection: StoreConnection) throws(StoreFault) -> Reading {
        let deadline = Instant.now().advanced(milliseconds: HostCrowd.commandMilliseconds)
        let text = try connection.call(Command("INFO"), until: deadline).text ?? ""
        var values: [Substring: Double] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { values[parts[0]] = Double(parts[1]) }
        }
        func whole(_ name: Substring) -> Int64 { values[name].flatMap { Int64(exactly: $0) } ?? 0 }
        return Reading(
            cpuSeconds: (values["used_cpu_user"] ?? 0) + (values["used_cpu_sys"] ?? 0),
            clients: whole("connected_clients"), memoryBytes: whole("used_memory"), readAt: .now())
    }

    /// Cores that Redis kept busy between two readings.
    package static func cores(_ before: Reading, _ after: Reading) -> Double {
        let seconds = Double(after.readAt.milliseconds(since: before.readAt)) / 1000
        return seconds > 0 ? (after.cpuSeconds - before.cpuSeconds) / seconds : 0
    }
}
