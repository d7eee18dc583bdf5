package import Linux

/// Pub/sub on a connection and a thread of its own. It subscribes anew after each fault; messages sent
/// meanwhile are lost, hence `subscribed` means: look again at once.
package final class Subscription: Sendable {
    /// What a subscriber is told.
    package enum Event: Sendable, Equatable {
        case subscribed
        case message(channel: String, payload: String)
        /// With the reason; told once per change.
        case lost(String)
    }

    private let listener: Listener
    private let thread = OnceThread()

    /// A subscription that does nothing yet. `onEvent` is called on the subscription's thread and must not
    /// block.
    package init(
        _ settings: StoreSettings, channels: [String], pingMilliseconds: Int64 = 5000,
        onEvent: @escaping @Sendable (Event) -> Void
    ) {
        listener = Listener(
            settings: settings, channels: channels, pingMilliseconds: pingMilliseconds, thread: thread,
            onEvent: onEvent)
    }

    deinit { stop() }

    /// Starts the thread; a second call, or one after `stop`, does nothing.
    package func start() throws(SystemFault) {
        try thread.start(named: "troop-news") { [listener] in listener.run($0) }
    }

    /// Ends the thread and the connection, without waiting for them; an event under way may still be told.
    package func stop() { thread.stop() }
}

/// The thread's part of a subscription; it does not keep the subscription alive.
private final class Listener: Sendable {
    private let settings: StoreSettings
    private let channels: [String]
    private let pingMilliseconds: Int64
    private let thread: OnceThread
    private let onEvent: @Sendable (Subscription.Event) -> Void

    init(
        settings: StoreSettings, channels: [String], pingMilliseconds: Int64, thread: OnceThread,
        onEvent: @escaping @Sendable (Subscription.Event) -> Void
    ) {
        self.settings = settings
        self.channels = channels
        self.pingMilliseconds = pingMilliseconds
        self.thread = thread
        self.onEvent = onEvent
    }

    private var isRunning: Bool { thread.isRunning }

    func run(_ bell: Doorbell) {
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        var lastLoss: String?
        settings.sentinel?.ring(bell)
        defer { settings.sentinel?.spare(bell) }
        while isRunning {
            do {
                let connection = try subscribed(bell)
                guard let connection else { return }
                backoff.reset()
                lastLoss = nil
                tell(.subscribed)
                try listen(on: connection, bell)
            } catch {
                let reason = "\(error)"
                if reason != lastLoss { tell(.lost(reason)) }
                lastLoss = reason
                _ = bell.wait(milliseconds: Int32(backoff.wait(after: error, using: &generator)))
            }
        }
    }

    private func tell(_ event: Subscription.Event) {
        if isRunning { onEvent(event) }
    }

    /// A connection on which all channels are confirmed; nil when stopped meanwhile.
    private func subscribed(_ bell: Doorbell) throws(StoreFault) -> StoreConnection? {
        let deadline = Instant.now().advanced(milliseconds: settings.connectTimeoutMilliseconds)
        let connection = try StoreConnection.open(settings, until: deadline)
        try connection.send(Command(["SUBSCRIBE"] + channels), until: deadline)
        var missing = channels.count
        while missing > 0 {
            guard let reply = try connection.receive(until: deadline, bell: bell) else {
                guard isRunning else { return nil }
                throw .timeout("no reply to SUBSCRIBE from \(settings.target)")
            }
            if case .subscribed = try Push(reply) { missing -= 1 }
        }
        return connection
    }

    /// Tells messages until stopped; throws when the connection is lost. Silence is broken by a PING, and
    /// silence after that is a dead peer.
    private func listen(on connection: StoreConnection, _ bell: Doorbell) throws(StoreFault) {
        var isPinged = false
        while isRunning {
            let patience = isPinged ? settings.commandTimeoutMilliseconds : pingMilliseconds
            let deadline = Instant.now().advanced(milliseconds: patience)
            if let reply = try connection.receive(until: deadline, bell: bell) {
                isPinged = false
                if case .message(let channel, let payload) = try Push(reply) {
                    tell(.message(channel: channel, payload: payload))
                }
                continue
            }
            guard isRunning else { return }
            guard connection.isAppointed else {
                throw .unreachable("the Sentinels name another master; connecting to it")
            }
            if isPinged { throw .timeout("no reply to PING from \(settings.target)") }
            try connection.send(
                Command("PING"),
                until: Instant.now().advanced(milliseconds: settings.commandTimeoutMilliseconds))
            isPinged = true
        }
    }
}

/// What may come on a subscribed connection.
private enum Push {
    case subscribed
    case pong
    case message(channel: String, payload: String)

    init(_ reply: Reply) throws(StoreFault) {
        switch reply {
        case .error(let error): throw .rejected(error)
        case .array(let parts):
            switch (parts.first?.text, parts.count) {
            case ("subscribe", 3): self = .subscribed
            case ("pong", 2): self = .pong
            case ("message", 3):
                guard case .bulk(let channel) = parts[1], case .bulk(let payload) = parts[2] else {
                    fallthrough
                }
                self = .message(
                    channel: String(decoding: channel, as: UTF8.self),
                    payload: String(decoding: payload, as: UTF8.self))
            default: throw .malformed("not a message of a subscription")
            }
        case .status, .integer, .bulk, .null: throw .malformed("not a message of a subscription")
        }
    }
}
