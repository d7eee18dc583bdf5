package import Linux

/// Whether Redis answers; told once per change.
package enum StoreState: Sendable, Equatable {
    case connected
    /// With the reason as a line for people.
    case unreachable(String)
}

/// A connection to Redis on a thread of its own. It connects at the first call, anew after a fault, and while
/// it waits for the next attempt every call fails at once. No call is repeated by itself: it might have been
/// carried out.
package actor Store {
    /// The store's thread; another actor may live on it too, so that its calls need no hop.
    package nonisolated let executor: ThreadExecutor
    /// What was called and how it went.
    package nonisolated let meter = StoreMeter()
    private let settings: StoreSettings
    private let onStateChange: @Sendable (StoreState) -> Void
    private var connection: StoreConnection?
    private var backoff = Backoff()
    private var retry: (at: Instant, reason: String)?
    private var state: StoreState?
    private var isClosed = false
    private var generator = SystemRandomNumberGenerator()

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Starts the thread, without connecting; `name` tells connections and threads apart. `onStateChange` is
    /// called on the store's thread and must not block. The thread ends with the last reference to the store.
    package init(
        _ settings: StoreSettings, name: String, onStateChange: @escaping @Sendable (StoreState) -> Void
    ) throws(SystemFault) {
        executor = try ThreadExecutor(named: "troop-\(name)")
        self.settings = settings.named(name)
        self.onStateChange = onStateChange
    }

    // Not in `close`: a job queued behind it would then never run, and its caller never return.
    deinit { executor.finish() }

    /// Sends a command and waits for its reply; an error reply is thrown as `.rejected`.
    package func call(_ command: Command) throws(StoreFault) -> Reply {
        try attempt { (connection, deadline) throws(StoreFault) in
            try connection.call(command, until: deadline)
        }
    }

    /// Sends commands in one go; error replies stay in the list (see `StoreConnection.pipeline`).
    package func pipeline(_ commands: [Command]) throws(StoreFault) -> [Reply] {
        try attempt { (connection, deadline) throws(StoreFault) in
            try connection.pipeline(commands, until: deadline)
        }
    }

    /// Sends commands as `pipeline` does, and says which run of Redis answered: its run id changes with every restart
    /// and every replacement of the server, and with it may come older data. Nil when it may not be asked (`INFO`).
    package func identifiedPipeline(
        _ commands: [Command]
    ) throws(StoreFault) -> (replies: [Reply], runID: String?) {
        try attempt { (connection, deadline) throws(StoreFault) in
            let runID = try connection.runID(until: deadline)
            return (try connection.pipeline(commands, until: deadline), runID)
        }
    }

    /// Several calls on one connection with nothing of anybody else's between them, each by the deadline given; the
    /// connection must be left without anything outstanding. Holds up every other call meanwhile.
    package func session<Answer: Sendable>(
        _ body: @Sendable (StoreConnection, Instant) throws(StoreFault) -> Answer
    ) throws(StoreFault) -> Answer {
        try attempt(body)
    }

    /// Runs a script; an error reply is thrown as `.rejected`.
    package func run(_ script: Script, keys: [String], arguments: [String]) throws(StoreFault) -> Reply {
        try call(Command(script, keys: keys, arguments: arguments))
    }

    /// The same with arguments that are written already.
    package func run(_ script: Script, keys: [String], arguments: CommandWords) throws(StoreFault) -> Reply {
        try call(Command(script, keys: keys, arguments: arguments))
    }

    /// Ends the connection for good; later calls fail at once.
    package func close() {
        connection = nil
        isClosed = true
    }

    private func attempt<Answer>(
        _ body: (StoreConnection, Instant) throws(StoreFault) -> Answer
    ) throws(StoreFault) -> Answer {
        let connection = try metered { () throws(StoreFault) in try connected() }
        do {
            let begin = Instant.now()
            let answer = try body(
                connection, begin.advanced(milliseconds: settings.commandTimeoutMilliseconds))
            meter.noteAnswer(nanoseconds: Instant.now().nanoseconds - begin.nanoseconds)
            if connection.isOpen {
                backoff.reset()
            } else {
                lost(.unreachable("\(settings.target) is not the master; looking for it anew"))
            }
            return answer
        } catch {
            meter.noteError(isUp: connection.isOpen)
            if connection.isOpen { backoff.reset() } else { lost(error) }
            throw error
        }
    }

    private func metered<Answer>(_ body: () throws(StoreFault) -> Answer) throws(StoreFault) -> Answer {
        do {
            return try body()
        } catch {
            meter.noteError(isUp: false)
            throw error
        }
    }

    private func connected() throws(StoreFault) -> StoreConnection {
        guard !isClosed else { throw .unreachable("the store has been closed") }
        if let connection, connection.isUsable() { return connection }
        connection = nil
        let now = Instant.now()
        if let retry, now < retry.at {
            throw .backingOff(milliseconds: retry.at.milliseconds(since: now) + 1, retry.reason)
        }
        do {
            let opened = try StoreConnection.open(
                settings, until: now.advanced(milliseconds: settings.connectTimeoutMilliseconds))
            connection = opened
            meter.noteConnect(to: opened.peer)
            retry = nil
            report(.connected)
            return opened
        } catch {
            lost(error)
            throw error
        }
    }

    private func lost(_ fault: StoreFault) {
        connection = nil
        let wait = backoff.wait(after: fault, using: &generator)
        retry = (Instant.now().advanced(milliseconds: wait), "\(fault)")
        report(.unreachable("\(fault)"))
    }

    private func report(_ new: StoreState) {
        guard new != state else { return }
        state = new
        onStateChange(new)
    }
}
