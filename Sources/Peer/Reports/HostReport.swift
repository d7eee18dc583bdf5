package import Store

/// What a host says of itself once a second: the fields of the Redis hash `host:<name>`.
package struct HostReport: Equatable, Sendable {
    /// Whether the host leads the troop, as it believes itself.
    package enum Role: String, Sendable, Codable {
        case leader, standby
    }

    /// The address other hosts reach it at.
    package var address: String
    /// The kernel's id of this boot; another one proves a reboot.
    package var bootID: String
    /// The version of the agent.
    package var agentVersion: String
    /// What the host believes it is.
    package var role: Role
    /// The `address:port` of the host's own application; nil when it runs none.
    package var server: String?
    /// Whether that application passes its own agent's check; nil while unknown, or when it told nothing.
    package var serverIsUp: Bool?
    /// Where this host can be watched while it leads (`peer.listen`); nil when it told nothing.
    package var peer: String?
    /// Where its API answers other hosts (`api.listen`); nil when it is on loopback only.
    package var api: String?
    /// Whether the host can be handed the lease; also true for a host that told nothing.
    package var stands = true
    /// The highest epoch that the host has heard of; nil when it told none.
    package var epoch: Int64?
    /// How often the host reports, in milliseconds.
    package var intervalMilliseconds: Int64
    /// Busy share of the CPUs, 0…1; nil when unknown.
    package var cpu: Double?
    /// The agent's own part of `cpu`, 0…1; nil when unknown.
    package var selfCPU: Double?
    /// Share of CPU time that the hypervisor gave to others, 0…1.
    package var steal: Double?
    /// Share of CPU time spent idle with I/O outstanding, 0…1.
    package var iowait: Double?
    /// The number of CPUs.
    package var cores: Int?
    /// Memory in all and still available, in bytes.
    package var memoryTotal: UInt64?
    package var memoryAvailable: UInt64?
    /// Share of the memory in use, 0…1.
    package var memory: Double?
    /// Load averages over 1, 5 and 15 minutes.
    package var load1: Double?
    package var load5: Double?
    package var load15: Double?
    /// Pressure stall shares over 10 s, in percent as the kernel gives them.
    package var pressureCPUSome: Double?
    package var pressureMemorySome: Double?
    package var pressureMemoryFull: Double?
    package var pressureIOSome: Double?
    package var pressureIOFull: Double?
    /// Bytes a second by the interfaces that lead out of the host.
    package var networkReceived: Double?
    package var networkSent: Double?
    /// Bytes a second read from and written to all disks.
    package var diskRead: Double?
    package var diskWritten: Double?
    /// The busy share of the busiest disk, 0…1.
    package var diskBusy: Double?
    /// The share in use of the fullest file system, 0…1.
    package var filesystem: Double?
}

extension HostReport {
    /// Writes the hash's fields in turn (name, value, name, value …); unknown numbers have no field. Shares and loads
    /// are rounded to four places, rates to whole numbers.
    package func write(to words: inout CommandWords) {
        func add(_ name: StaticString, _ value: String?) {
            guard let value else { return }
            words.append(name)
            words.append(value)
        }
        func add(_ name: StaticString, whole value: Int64?) {
            guard let value else { return }
            words.append(name)
            words.append(whole: value)
        }
        func add(_ name: StaticString, share value: Double?) {
            guard let value, value.isFinite else { return }
            words.append(name)
            words.append(rounded: value)
        }
        func add(_ name: StaticString, rate value: Double?) {
            guard let value, (0...HostReport.rateMax).contains(value) else { return }
            add(name, whole: Int64(value.rounded()))
        }
        add("address", address)
        add("boot_id", bootID)
        add("agent_version", agentVersion)
        add("role", role.rawValue)
        add("interval_ms", whole: intervalMilliseconds)
        add("server", server)
        add("server_up", serverIsUp.map { $0 ? "yes" : "no" })
        add("peer", peer)
        add("api", api)
        if !stands { add("stands", "no") }
        add("epoch", whole: epoch)
        add("cpu", share: cpu)
        add("self_cpu", share: selfCPU)
        add("steal", share: steal)
        add("iowait", share: iowait)
        add("cores", whole: cores.map { Int64($0) })
        add("memory_total", whole: memoryTotal.flatMap { Int64(exactly: $0) })
        add("memory_available", whole: memoryAvailable.flatMap { Int64(exactly: $0) })
        add("memory_used", share: memory)
        add("load1", share: load1)
        add("load5", share: load5)
        add("load15", share: load15)
        add("psi_cpu_some", share: pressureCPUSome)
        add("psi_memory_some", share: pressureMemorySome)
        add("psi_memory_full", share: pressureMemoryFull)
        add("psi_io_some", share: pressureIOSome)
        add("psi_io_full", share: pressureIOFull)
        add("net_received", rate: networkReceived)
        add("net_sent", rate: networkSent)
        add("disk_read", rate: diskRead)
        add("disk_written", rate: diskWritten)
        add("disk_busy", share: diskBusy)
        add("filesystem_used", share: filesystem)
    }

    /// A report that says nothing yet.
    package init() {
        (address, bootID, agentVersion) = ("", "", "")
        role = .standby
        intervalMilliseconds = TroopScale.reportMillisecondsMin
    }

    /// Reads a report from the hash's fields; a field with a value that makes no sense counts as unknown,
    /// since a reader can do nothing better with another host's mistake.
    package init(fields: [String: String]) {
        func number(_ field: String, _ range: ClosedRange<Double>) -> Double? {
            guard let text = fields[field], let value = Double(text), range.contains(value) else {
                return nil
            }
            return value
        }
        let share = 0.0...1.0
        let percent = 0.0...100.0
        let load = 0.0...1_000_000.0
        func text(_ field: String) -> String { String((fields[field] ?? "").prefix(HostReport.textMax)) }
        address = text("address")
        bootID = text("boot_id")
        agentVersion = text("agent_version")
        role = Role(rawValue: text("role")) ?? .standby
        server = fields["server"].map { String($0.prefix(HostReport.textMax)) }
        serverIsUp = fields["server_up"].flatMap { ["yes": true, "no": false][$0] }
        peer = fields["peer"].map { String($0.prefix(HostReport.textMax)) }
        stands = fields["stands"] != "no"
        intervalMilliseconds = number("interval_ms", 1...3_600_000).map { Int64($0) } ?? 1000
        epoch = fields["epoch"].flatMap { Int64($0) }.flatMap {
            (1...HostReport.epochMax).contains($0) ? $0 : nil
        }
        cpu = number("cpu", share)
        selfCPU = number("self_cpu", share)
        steal = number("steal", share)
        iowait = number("iowait", share)
        cores = number("cores", 1...1_000_000).map { Int($0) }
        memoryTotal = fields["memory_total"].flatMap { UInt64($0) }
        memoryAvailable = fields["memory_available"].flatMap { UInt64($0) }
        memory = number("memory_used", share)
        load1 = number("load1", load)
        load5 = number("load5", load)
        load15 = number("load15", load)
        pressureCPUSome = number("psi_cpu_some", percent)
        pressureMemorySome = number("psi_memory_some", percent)
        pressureMemoryFull = number("psi_memory_full", percent)
        pressureIOSome = number("psi_io_some", percent)
        pressureIOFull = number("psi_io_full", percent)
        let rate = 0.0...HostReport.rateMax
        api = fields["api"].map { String($0.prefix(HostReport.textMax)) }
        networkReceived = number("net_received", rate)
        networkSent = number("net_sent", rate)
        diskRead = number("disk_read", rate)
        diskWritten = number("disk_written", rate)
        diskBusy = number("disk_busy", share)
        filesystem = number("filesystem_used", share)
    }

    /// Room for the words of a report, in bytes: 74 at most, most of them short.
    package static let wordsBytes = 2048
    /// More bytes a second than any machine moves.
    private static let rateMax = 1e15
    /// Epochs are about the time in milliseconds: this one is the year 2100's, and a higher one is a mistake that must
    /// not spread.
    private static let epochMax: Int64 = 4_102_444_800_000
    /// Longer texts in a report are cut, in characters.
    private static let textMax = 128

    /// Writes a report: the hash anew with a higher `seq` and an expiry, the name with Redis's time into `hosts`.
    /// KEYS: 1 host:<name> 2 hosts; ARGV: 1 name 2 expiry in ms 3 address 4 boot id 5 how long a report proves life, in
    /// ms, then field and value in turn.
    /// Answers the `seq`, which is Redis's time in ms, but always rises while the hash lives; or the error `NAMETAKEN`
    /// while a host with another address **and** another boot id lives under this name (after a restart, a reboot or a
    /// move at least one of them is the same, or the old one is silent).
    package static let script = Script(
        name: "report",
        body: """
            local t = redis.call('TIME')
            local now = t[1] * 1000 + math.floor(t[2] / 1000)
            local old = redis.call('HMGET', KEYS[1], 'seq', 'address', 'boot_id', 'at')
            local at = tonumber(old[4] or '')
            if old[2] and old[3] and at and old[2] ~= ARGV[3] and old[3] ~= ARGV[4]
              and now - at < tonumber(ARGV[5]) and at <= now then
              return redis.error_reply('NAMETAKEN another live host, at ' .. old[2] .. ', reports as ' .. ARGV[1])
            end
            local seq = string.format('%d', math.max((tonumber(old[1] or '0') or 0) + 1, now))
            redis.call('DEL', KEYS[1])
            redis.call('HSET', KEYS[1], 'seq', seq, 'at', string.format('%d', now), unpack(ARGV, 6))
            redis.call('PEXPIRE', KEYS[1], ARGV[2])
            redis.call('ZADD', KEYS[2], string.format('%d', now), ARGV[1])
            return seq
            """)

    /// The script's arguments for this report of the host `name`.
    package func arguments(name: String) -> CommandWords {
        var words = CommandWords(capacity: HostReport.wordsBytes)
        words.append(name)
        words.append(whole: HostReport.expiryMilliseconds)
        words.append(address)
        words.append(bootID)
        words.append(whole: HostReport.lifeMilliseconds(interval: intervalMilliseconds))
        write(to: &words)
        return words
    }

    /// The error's first word with which the script refuses a second host of one name.
    package static let nameTaken = "NAMETAKEN"
    /// A report younger than this proves that its host, which reports at such an interval, lives; in milliseconds.
    package static func lifeMilliseconds(interval: Int64) -> Int64 { 3 * interval + 500 }

    /// How long a report is kept in Redis after its host fell silent, in milliseconds.
    package static let expiryMilliseconds: Int64 = 300_000
}
