package import Linux

/// Listens to one Sentinel's `+switch-master` and then looks for the master anew. The message is only a hint: it makes a
/// search happen now that every reconnect makes anyway.
package final class MasterWatch: Sendable {
    private static let channel = "+switch-master"
    /// After a hint the new master may take a moment to say that it is one: it is asked so often, in milliseconds.
    private static let retryMilliseconds: Int64 = 200
    private static let tries = 10
    /// Silence is broken by a ping, in milliseconds.
    private static let pingMilliseconds: Int64 = 5000

    private let settings: StoreSettings
    private let finder: MasterFinder
    private let onSwitch: @Sendable () -> Void
    private let thread = OnceThread()

    /// A watch at rest; nil where no Sentinel is configured. `onSwitch` is called on the watch's thread after another
    /// master was found, and must not block.
    package init?(_ settings: StoreSettings, onSwitch: @escaping @Sendable () -> Void) {
        guard let finder = settings.sentinel else { return nil }
        self.settings = settings.named("sentinel")
        self.finder = finder
        self.onSwitch = onSwitch
    }

    deinit { stop() }

    /// Starts the thread; a second call, or one after `stop`, does nothing.
    package func start() throws(SystemFault) {
        try thread.start(named: "troop-sentinel") { [settings, finder, onSwitch, thread] bell in
            MasterWatch.run(settings, finder, bell, { thread.isRunning }, onSwitch)
        }
    }

    /// Ends the thread, without waiting for it.
    package func stop() { thread.stop() }

    private static func run(
        _ settings: StoreSettings, _ finder: MasterFinder, _ bell: Doorbell, _ isRunning: () -> Bool,
        _ onSwitch: () -> Void
    ) {
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        var index = 0
        while isRunning() {
            let endpoint = finder.settings.endpoints[index % finder.settings.endpoints.count]
            index += 1
            do throws(StoreFault) {
                try listen(to: endpoint, settings, finder, bell, isRunning) {
                    backoff.reset()
                    look(settings, finder, bell, isRunning, onSwitch)
                }
            } catch {
                // The next Sentinel is tried; none of them is needed for anything but a quicker look.
                _ = bell.wait(milliseconds: Int32(backoff.wait(after: error, using: &generator)))
            }
        }
    }

    private static func listen(
        to endpoint: SentinelSettings.Endpoint, _ settings: StoreSettings, _ finder: MasterFinder,
        _ bell: Doorbell,
        _ isRunning: () -> Bool, onHint: () -> Void
    ) throws(StoreFault) {
        let patience = settings.connectTimeoutMilliseconds
        let own = try finder.settings.store(at: endpoint, name: settings.name, timeoutMilliseconds: patience)
        func soon() -> Instant { .now().advanced(milliseconds: patience) }
        let connection = try StoreConnection.openDirectly(own, resolver: .shared, until: soon())
        try connection.send(Command("SUBSCRIBE", channel), until: soon())
        var isPinged = true  // the answer to SUBSCRIBE is awaited like one to a ping
        while isRunning() {
            let wait = isPinged ? patience : pingMilliseconds
            if let reply = try connection.receive(until: .now().advanced(milliseconds: wait), bell: bell) {
                isPinged = false
                if case .error(let error) = reply { throw .rejected(error) }
                // Confirmed, or a message: either way something may have changed that was not heard.
                if let word = reply.elements?.first?.text, word == "subscribe" || word == "message" {
                    onHint()
                }
                continue
            }
            guard isRunning() else { return }
            if isPinged { throw .timeout("no reply from the Sentinel at \(endpoint)") }
            try connection.send(Command("PING"), until: soon())
            isPinged = true
        }
    }

    /// Connects once more, as any reconnect would; finding another address ends the connections to the old one.
    private static func look(
        _ settings: StoreSettings, _ finder: MasterFinder, _ bell: Doorbell, _ isRunning: () -> Bool,
        _ onSwitch: () -> Void
    ) {
        let before = finder.currentTerm
        for _ in 0..<tries where isRunning() {
            let deadline = Instant.now().advanced(milliseconds: settings.connectTimeoutMilliseconds)
            if (try? StoreConnection.open(settings, until: deadline)) != nil {
                if finder.currentTerm != before, before != 0 { onSwitch() }
                return
            }
            _ = bell.wait(milliseconds: Int32(retryMilliseconds))
        }
    }
}
