import Glibc
package import Linux
package import Store
import Synchronization

/// Thousands of made-up hosts at one Redis, from a few threads of one process: what a troop of that size costs.
///
/// Each host has a connection of its own and waits for every reply before it asks on, as an agent does. What an agent has
/// besides are the connections of its elector and for hints, which are silent in good times.
package final class HostCrowd: Sendable {
    /// What the crowd is to be.
    package struct Settings: Sendable {
        package var store: StoreSettings
        package var cluster: String
        package var count: Int
        /// Between two reports of a host, in milliseconds.
        package var intervalMilliseconds: Int64
        package var threads: Int
        /// Where the hosts' servers listen, on loopback; nil: they have none.
        package var serverPort: UInt16?

        /// Settings from their parts.
        package init(
            store: StoreSettings, cluster: String, count: Int, intervalMilliseconds: Int64, threads: Int,
            serverPort: UInt16?
        ) {
            self.store = store
            self.cluster = cluster
            self.count = count
            self.intervalMilliseconds = intervalMilliseconds
            self.threads = threads
            self.serverPort = serverPort
        }
    }

    /// What happened since the last count was taken.
    package struct Count: Sendable {
        package var reports = 0
        package var commands = 0
        package var faults = 0
        /// The last fault, for people.
        package var fault: String?
        /// The most that a report came later than it was due, in milliseconds.
        package var latestMilliseconds: Int64 = 0
        /// How long Redis took for each report, in microseconds.
        package var reportMicroseconds: [Int64] = []
    }

    private let settings: Settings
    private let keys: Keys
    private let count = Mutex(Count())
    private let ends = Atomic(false)
    private let threads = Mutex<[Linux.Thread]>([])

    /// The most hosts of one crowd: addresses are numbered.
    package static let hostsMax = 100_000
    /// How long a host waits for a reply, in milliseconds; longer than an agent, so that a slow Redis is measured.
    static let commandMilliseconds: Int64 = 5000
    /// A thread looks at least so often whether it is to end, in milliseconds.
    private static let napMilliseconds: Int64 = 200

    /// A crowd at rest.
    package init(_ settings: Settings) {
        self.settings = settings
        keys = Keys(cluster: settings.cluster)
    }

    /// Brings the hosts to life, their first reports spread over one interval.
    package func start() throws(SystemFault) {
        let start = Instant.now()
        for number in 0..<settings.threads {
            let thread = try Thread.start(named: "crowd-\(number)") { [self] in
                let own = stride(from: number, to: settings.count, by: settings.threads).map {
                    CrowdHost($0, port: settings.serverPort)
                }
                live(own, number, from: start)
            }
            threads.withLock { $0.append(thread) }
        }
    }

    /// Ends the hosts, which take their reports and servers back, and waits for that.
    package func stop() {
        ends.store(true, ordering: .relaxed)
        for thread in threads.withLock({ $0 }) { thread.join() }
    }

    /// What happened since this was last asked.
    package func takeCount() -> Count {
        count.withLock { count in
            defer { count = Count() }
            return count
        }
    }

    /// One thread's hosts, one after the other, again and again.
    private func live(_ own: [CrowdHost], _ number: Int, from start: Instant) {
        var own = own
        var links = [StoreConnection?](repeating: nil, count: own.count)
        let interval = settings.intervalMilliseconds
        var turn: Int64 = 0
        while !ends.load(ordering: .relaxed) {
            for index in own.indices {
                let share = (index * settings.threads + number) * Int(interval) / settings.count
                let due = start.advanced(milliseconds: turn * interval + Int64(share))
                if !nap(until: due) { break }
                act(&own[index], &links[index], due)
            }
            turn += 1
        }
        for index in own.indices {
            guard let link = links[index] else { continue }
            try? own[index].leave(link, keys: keys)
            link.close()
        }
    }

    private func act(_ host: inout CrowdHost, _ link: inout StoreConnection?, _ due: Instant) {
        do throws(StoreFault) {
            let open = try connection(link)
            link = open
            let late = Instant.now().milliseconds(since: due)
            let turn = try host.act(on: open, keys: keys, intervalMilliseconds: settings.intervalMilliseconds)
            count.withLock { count in
                count.reports += 1
                count.commands += turn.commands
                count.latestMilliseconds = max(count.latestMilliseconds, late)
                count.reportMicroseconds.append(turn.reportNanoseconds / 1000)
            }
        } catch {
            link = nil
            count.withLock { count in
                count.faults += 1
                count.fault = "\(error)"
            }
        }
    }

    private func connection(_ link: StoreConnection?) throws(StoreFault) -> StoreConnection {
        if let link, link.isUsable() { return link }
        let deadline = Instant.now().advanced(milliseconds: HostCrowd.commandMilliseconds)
        return try StoreConnection.open(settings.store, until: deadline)
    }

    /// Sleeps until then; false when it is time to end.
    private func nap(until due: Instant) -> Bool {
        while !ends.load(ordering: .relaxed) {
            let left = due.milliseconds(since: .now())
            if left <= 0 { return true }
            usleep(UInt32(min(left, HostCrowd.napMilliseconds)) * 1000)
        }
        return false
    }
}
