import Glibc
package import Linux
import Remediation
package import Store

/// Carries out what the leader asks of this host: a reboot, or a start of its application.
///
/// An order is claimed in Redis, written to the disk, and only then carried out: an agent that dies in between has not
/// done it, and does not do it afterwards. The leader sees that nothing came of it.
package actor OrderTaker {
    /// What this host does when it is asked.
    package struct Means: Sendable {
        /// The program that reboots the host; nil asks systemd through a file (`rebootFile`).
        package var reboot: [String]?
        /// The program, or the unit, that starts the application; nil where it starts by itself.
        package var start: [String]?
        /// Where the application listens; nil where the host has none.
        package var application: SocketAddress?
        /// How long the application's connections may take to end before a reboot, in milliseconds.
        package var drainMilliseconds: Int64

        /// Means from their parts.
        package init(
            reboot: [String]?, start: [String]?, application: SocketAddress?, drainMilliseconds: Int64
        ) {
            self.reboot = reboot
            self.start = start
            self.application = application
            self.drainMilliseconds = drainMilliseconds
        }
    }

    /// Runs a program to its end; returns what went wrong, nil for nothing.
    package typealias Runner = @Sendable ([String], [String: String]) async -> String?

    private let store: Store
    private let keys: Keys
    private let host: String
    private let folder: StateFolder
    private let means: Means
    private let events: EventLog
    private let runner: Runner
    private let bootID: @Sendable () -> String?
    private let isNamesake: @Sendable () async -> Bool
    private var book: OrderBook
    private var isBusy = false
    private var isClosed = false

    /// What is told on `news` when an order was issued.
    package static let hint = "orders"
    /// The file whose appearance makes `troop-reboot.path` reboot the host.
    package static let rebootFile = "/run/troop/reboot"
    private static let documentName = "orders.json"
    private static let batch = 16

    /// A taker for one host. `bootID` tells its boot as its reports do; `isNamesake` is true while another live host has
    /// its name: orders are that one's then.
    package init(
        store: Store, keys: Keys, host: String, folder: StateFolder, means: Means, events: EventLog,
        bootID: @escaping @Sendable () -> String?, isNamesake: @escaping @Sendable () async -> Bool,
        runner: @escaping Runner
    ) {
        self.store = store
        self.keys = keys
        self.host = host
        self.folder = folder
        self.means = means
        self.events = events
        self.runner = runner
        self.bootID = bootID
        self.isNamesake = isNamesake
        switch folder.read(OrderBook.self, from: OrderTaker.documentName) {
        case .document(let found): book = found
        case .nothing, .bad: book = OrderBook()
        }
    }

    /// Takes no order any more; one that was taken is carried out.
    package func close() { isClosed = true }

    /// What is asked after orders: those after `cursor`.
    package struct Asking: Sendable {
        fileprivate let cursor: String
        package let question: Question
    }

    /// What to ask in order to `take` the answer; nil while this host takes no orders.
    package func asking() async -> Asking? {
        guard !isBusy, !isClosed, await !isNamesake() else { return nil }
        return Asking(
            cursor: book.cursor,
            question: Question(
                "XRANGE", keys.orders(host), "(\(book.cursor)", "+", "COUNT", "\(OrderTaker.batch)"))
    }

    /// Looks for orders, and carries out what is this host's to do.
    package func look() async {
        guard let asking = await asking(), let reply = try? await store.call(asking.question.command) else {
            return
        }
        await take(reply, to: asking)
    }

    /// Carries out what is this host's to do of an answer; one that another was quicker than says nothing new.
    package func take(_ reply: Reply, to asking: Asking) async {
        guard !isBusy, !isClosed, asking.cursor == book.cursor else { return }
        isBusy = true
        defer { isBusy = false }
        for entry in reply.elements ?? [] where !isClosed {
            guard let parts = entry.elements, parts.count == 2, let mark = parts[0].text else { continue }
            var fields: [String: String] = [:]
            for (name, value) in parts[1].pairs ?? [] { fields[name.text ?? ""] = value.text ?? "" }
            guard let order = HostOrder(fields: fields) else {
                book.cursor = mark
                events.tell("order.refused", .warning, "an order to \(host) makes no sense; it is left alone")
                continue
            }
            // One that Redis could not be asked about is looked at again.
            guard let isMine = await isToBeTaken(order) else { return }
            book.cursor = mark
            if isMine { await take(order) }
        }
    }

    private static func details(_ order: HostOrder) -> [String: String] {
        ["operation": order.operation, "order": order.id, "epoch": "\(order.epoch)"]
    }

    /// Whether this host is to carry an order out, which is claimed then; nil when Redis did not say.
    private func isToBeTaken(_ order: HostOrder) async -> Bool? {
        let details = OrderTaker.details(order)
        if let why = book.objection(to: order) {
            events.tell(
                "order.refused", .warning, "order \(order.kind.rawValue) is left alone: \(why)", details)
            // The leader is not to go on to the provider for want of an answer.
            guard book.hasTaken(order) else { return false }
            let claimed = await claim(order)
            if claimed == true { await settle(order, "done") }
            return claimed.map { _ in false }
        }
        let claimed = await claim(order)
        guard claimed == true else { return claimed }  // too late, taken back, or paused
        if order.kind == .reboot, !order.boot.isEmpty, let own = bootID(), own != order.boot {
            events.tell(
                "order.refused", .warning,
                "order reboot is left alone: it is meant for boot …\(order.boot.suffix(8)), and \(host) has booted since",
                details)
            await settle(order, "done")
            return false
        }
        return true
    }

    private func take(_ order: HostOrder) async {
        let details = OrderTaker.details(order)
        book.take(order)
        do throws(SystemFault) {
            try folder.write(book, as: OrderTaker.documentName)
        } catch {
            await settle(order, "failed: the state folder does not take the order down: \(error)")
            return
        }
        events.tell(
            "order.taken", .notice,
            "the leader asks this host: \(order.kind.rawValue) (operation \(order.operation))",
            details)
        await events.flush()
        let fault: String?
        switch order.kind {
        case .reboot: fault = await reboot(order)
        case .restart: fault = await start(order)
        }
        if let fault {
            events.tell("order.failed", .error, "\(order.kind.rawValue): \(fault)", details)
            await settle(order, "failed: \(fault)")
        } else {
            await settle(order, "done")
        }
    }

    private func claim(_ order: HostOrder) async -> Bool? {
        let reply = try? await store.run(
            OperationScripts.claim, keys: [keys.operation(order.operation), keys.config],
            arguments: [order.id, "\(order.notAfter)"])
        return reply.map { $0.integer == 1 }
    }

    private func settle(_ order: HostOrder, _ text: String) async {
        _ = try? await store.run(
            OperationScripts.settle, keys: [keys.operation(order.operation), keys.news],
            arguments: [order.id, String(text.prefix(OrderTaker.textMax))])
    }

    private static let textMax = 500

    private func environment(_ order: HostOrder) -> [String: String] {
        [
            "TROOP_OPERATION": order.operation, "TROOP_EPOCH": "\(order.epoch)", "TROOP_HOST": host,
            "PATH": getenv("PATH").map { String(cString: $0) } ?? "/usr/sbin:/usr/bin:/sbin:/bin",
        ]
    }

    /// A proxy that is cut off from Redis may still feed the application: what it has is finished first.
    private func awaitConnections() async {
        guard let application = means.application else { return }
        let deadline = Instant.now().advanced(milliseconds: means.drainMilliseconds)
        while Instant.now() < deadline, (Connections.count(to: application.port) ?? 0) > 0 {
            try? await Task.sleep(for: .milliseconds(OrderTaker.pollMilliseconds))
        }
    }

    private static let pollMilliseconds: Int64 = 200

    private func reboot(_ order: HostOrder) async -> String? {
        await awaitConnections()
        if let program = means.reboot { return await runner(program, environment(order)) }
        let raw = open(OrderTaker.rebootFile, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard raw >= 0 else {
            return
                "cannot write \(OrderTaker.rebootFile): \(String(cString: strerror(errno))); set host.reboot_command, or install troop-reboot.path"
        }
        let descriptor = Descriptor(owning: raw)
        let line = Array("\(order.id)\n".utf8)
        _ = write(descriptor.raw, line, line.count)
        return nil
    }

    private func start(_ order: HostOrder) async -> String? {
        guard let program = means.start else { return nil }
        return await runner(program, environment(order))
    }
}
