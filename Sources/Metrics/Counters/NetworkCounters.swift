/// What /proc/net/dev has counted of each network interface since it appeared.
package struct NetworkCounters: Sendable, Equatable {
    /// One interface.
    package struct Row: Sendable, Equatable {
        package var name: String
        package var receivedBytes: UInt64
        package var receivedPackets: UInt64
        package var receiveErrors: UInt64
        package var receiveDrops: UInt64
        package var sentBytes: UInt64
        package var sentPackets: UInt64
        package var sendErrors: UInt64
        package var sendDrops: UInt64
    }

    /// Interfaces that are kept; hosts with more tell of the first so many.
    static let rowsMax = 256

    package private(set) var rows: [Row] = []

    /// The rows that make sense, after the two lines of headings.
    static func parse(_ bytes: Span<UInt8>) -> NetworkCounters {
        var counters = NetworkCounters()
        var scanner = ByteScanner(bytes)
        while !scanner.isAtEnd, counters.rows.count < rowsMax {
            if let row = row(&scanner) { counters.rows.append(row) }
            scanner.skipLine()
        }
        return counters
    }

    private static func row(_ scanner: inout ByteScanner) -> Row? {
        scanner.skipSpaces()
        // Old kernels put the first number right behind the colon.
        guard let name = scanner.word(before: UInt8(ascii: ":"), bytesMax: 64), scanner.skip(":") else {
            return nil
        }
        var values = InlineArray<16, UInt64>(repeating: 0)
        for index in 0..<16 {
            scanner.skipSpaces()
            guard let value = scanner.number() else { return nil }
            values[index] = value
        }
        return Row(
            name: name, receivedBytes: values[0], receivedPackets: values[1], receiveErrors: values[2],
            receiveDrops: values[3], sentBytes: values[8], sentPackets: values[9], sendErrors: values[10],
            sendDrops: values[11])
    }

    /// True for an interface whose bytes pass another one of this host, or never leave it.
    static func isInner(_ name: String) -> Bool {
        name == "lo"
            || ["veth", "docker", "br-", "virbr", "vnet", "tap", "cni", "flannel", "cali", "ifb", "dummy"]
                .contains { name.hasPrefix($0) }
    }
}
