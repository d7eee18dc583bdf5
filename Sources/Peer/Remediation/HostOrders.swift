import FoundationEssentials
import Linux
import Remediation
import Store

/// One order of the leader as it stands in the stream `orders:<host>`.
package struct HostOrder: Equatable, Sendable {
    package let id: String
    let operation: String
    let kind: Effect.Order
    package let epoch: Int64
    /// By Redis's clock, in milliseconds since 1970.
    package let notAfter: Int64
    /// The boot of the host that it is meant for; empty where the leader did not know it.
    let boot: String

    /// Reads the fields of an entry; nil for what is no order.
    package init?(fields: [String: String]) {
        guard let id = fields["id"], (1...128).contains(id.utf8.count), let operation = fields["operation"],
            OperationJournal.isID(operation), id.hasPrefix("\(operation)."),
            let kind = fields["kind"].flatMap({ Effect.Order(rawValue: $0) }),
            let epoch = fields["epoch"].flatMap({ Int64($0) }), epoch > 0,
            let notAfter = fields["not_after"].flatMap({ Int64($0) })
        else { return nil }
        self.id = id
        self.operation = operation
        self.kind = kind
        self.epoch = epoch
        self.notAfter = notAfter
        boot = fields["boot"] ?? ""
    }
}

/// What an agent remembers of orders across its own restarts: which it has taken, and the highest epoch among them.
///
/// A pure core: an order of an older epoch than one that was taken is a stale leader's, and an order that was taken is
/// never taken again, whatever Redis says.
package struct OrderBook: Codable, Equatable, Sendable {
    /// The highest epoch among the orders that were taken; 0 for none.
    package var epoch: Int64 = 0
    /// The last entry of the stream that was looked at.
    var cursor = "0-0"
    /// Orders that were taken, the oldest first.
    var done: [String] = []

    private static let doneMax = 200

    /// A book without entries.
    package init() {}

    /// Why an order is left alone; nil when it may be taken.
    package func objection(to order: HostOrder) -> String? {
        if hasTaken(order) { return "it was taken before" }
        if order.epoch < epoch { return "its epoch \(order.epoch) is older than \(epoch)" }
        return nil
    }

    /// Whether it was taken already: Redis may have come back with an older copy.
    func hasTaken(_ order: HostOrder) -> Bool { done.contains(order.id) }

    /// Notes an order as taken; to be written to the disk before it is carried out.
    package mutating func take(_ order: HostOrder) {
        epoch = max(epoch, order.epoch)
        done.append(order.id)
        if done.count > OrderBook.doneMax { done.removeFirst(done.count - OrderBook.doneMax) }
    }
}
