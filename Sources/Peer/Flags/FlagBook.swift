package import Flags
package import Linux
package import Logging
package import Store
import Synchronization

/// All flags in memory: read from Redis at a hint and once a second, kept on disk, the last good ones in force whatever
/// becomes of Redis.
package actor FlagBook {
    /// How the flags in memory stand to those in Redis.
    package enum Standing: String, Sendable {
        /// Redis answered the last reading.
        case fresh
        /// From the copy on disk; Redis has not answered since the start.
        case cached
        /// Redis does not answer, or what it holds cannot be read.
        case stale
    }

    /// The flags at one moment.
    package struct Snapshot: Sendable {
        package var set = FlagSet()
        package var standing = Standing.cached
        /// False until flags were read from anywhere.
        package var isKnown = false
        /// When Redis answered last.
        package var readAt: Instant?
        /// Fields in force that Redis answers without, because it lost them; the next change writes them back.
        package var lost: [ExactText: String] = [:]
    }

    private struct Document: Codable, Equatable, Sendable {
        var flags: [String: String]
        /// `hadHistory`; older copies do not tell.
        var history: Bool?
    }

    private let store: Store
    private let keys: Keys
    private let folder: StateFolder
    private let log: Logger
    private let state: Mutex<Snapshot>
    private var lookNumber = 0
    private var takenNumber = 0
    private var lookedAt = Instant(nanoseconds: 0)
    private var size = 0
    private var saved: Document?
    private var nextSave = Instant(nanoseconds: 0)
    /// Why the flags cannot be read although Redis answers; nil while they can.
    private var fault: String?
    /// What the last reading that was answered found.
    private var last: Finding
    /// There was a history: fields that go together with it were lost, since nothing deletes it.
    private var hadHistory = false

    private static let documentName = "flags.json"
    /// Flags larger than this together are read by themselves, in bytes.
    private static let smallBytes = 16 * 1024
    /// Larger than this, they are not read every second: hints are enough, and hand edits wait.
    private static let largeBytes = 256 * 1024
    /// How often such are read, in milliseconds.
    private static let largeMilliseconds: Int64 = 5000
    /// Bytes a second that all agents of a troop read for the case that somebody edited flags by hand.
    private static let troopBytesPerSecond: Int64 = 32_000_000
    /// How long the disk is left alone after it failed, in milliseconds.
    private static let saveRetryMilliseconds: Int64 = 5000
    /// Faults told in the status.
    private static let noticesMax = 20

    /// A book that starts with the copy on disk.
    package init(store: Store, keys: Keys, folder: StateFolder, log: Logger) {
        self.store = store
        self.keys = keys
        self.folder = folder
        self.log = log
        var snapshot = Snapshot()
        switch folder.read(Document.self, from: FlagBook.documentName) {
        case .nothing: break
        case .bad(let path):
            log.warning("flags on disk make no sense, put aside", metadata: ["path": "\(path)"])
        case .document(let document):
            snapshot.set.take(FlagBook.fields(document.flags))
            snapshot.isKnown = true
            hadHistory = document.history ?? false
        }
        last = .read(snapshot)
        state = Mutex(snapshot)
    }

    /// The flags now; never waits for anything.
    package nonisolated var snapshot: Snapshot { state.withLock { $0 } }

    /// What is wrong, one line each, for status.
    package var notices: [String] {
        var notices: [String] = []
        if let fault { notices.append("flags: \(fault); the last good ones stay in force") }
        let set = snapshot.set
        for (key, why) in set.faults.sorted(by: { $0.key.text < $1.key.text }).prefix(FlagBook.noticesMax) {
            let meaning = set.texts[key] == nil ? "it is not there" : "its last good value stays in force"
            notices.append("flag '\(key.text.quotable)': \(why); \(meaning)")
        }
        if set.faults.count > FlagBook.noticesMax {
            notices.append(
                "flags: \(set.faults.count - FlagBook.noticesMax) more make no sense; see 'troop flags'")
        }
        if let saveFault = folder.writer.fault(of: FlagBook.documentName) {
            notices.append(
                "state folder: \(saveFault); without it a restart of this agent while Redis is gone has no flags"
            )
        }
        return notices
    }

    /// A reading that was begun.
    package struct Reading: Sendable {
        fileprivate let number: Int
    }

    /// How the flags are read in a turn.
    package enum Turn: Sendable {
        /// Not yet.
        case rest
        /// With whatever else is asked: they are known to be small.
        case along(Reading)
        /// By themselves (`look`): they are large.
        case alone
    }

    /// What is asked to read the flags.
    package nonisolated var questions: [Question] {
        [Question("HGETALL", keys.flags), Question("EXISTS", keys.flagsHistory)]
    }

    /// Once a second: how the flags are to be read now, large ones and those of a large troop less often.
    package func turn(hosts: Int) -> Turn {
        let interval = FlagBook.readMilliseconds(bytes: size, hosts: hosts)
        let elapsed = Instant.now().milliseconds(since: lookedAt)
        let isFresh = snapshot.standing == .fresh
        // What Redis has and cannot be read is not asked for more often than what can.
        guard elapsed >= interval || (!isFresh && fault == nil) else { return .rest }
        return isFresh && size <= FlagBook.smallBytes ? .along(begin()) : .alone
    }

    /// How often flags of so many bytes are read by each of so many hosts, in milliseconds; 0 for in every turn.
    package static func readMilliseconds(bytes: Int, hosts: Int) -> Int64 {
        let share = Int64(bytes) * Int64(hosts) * 1000 / FlagBook.troopBytesPerSecond
        let least = bytes > FlagBook.largeBytes ? FlagBook.largeMilliseconds : 0
        return share < 1000 ? least : max(share, least)
    }

    private func begin() -> Reading {
        lookedAt = .now()
        lookNumber += 1
        return Reading(number: lookNumber)
    }

    /// Reads the flags now.
    @discardableResult
    package func look() async -> Finding {
        let reading = begin()
        do throws(StoreFault) {
            return take(try await store.pipeline(questions.map(\.command)), of: reading)
        } catch {
            miss()
            return .unanswered(error)
        }
    }

    /// A reading was not answered; the store's own state is reported by its client.
    package func miss() {
        state.withLock {
            if $0.standing == .fresh { $0.standing = .stale }
            $0.lost = [:]  // what Redis has is not known now
        }
    }

    /// Takes in the replies to `questions`.
    @discardableResult
    package func take(_ replies: [Reply], of reading: Reading) -> Finding {
        guard reading.number > takenNumber else { return last }  // a later reading was faster
        takenNumber = reading.number
        last = finding(in: replies)
        return last
    }

    private func finding(in replies: [Reply]) -> Finding {
        guard replies.count == 2, let pairs = replies[0].pairs else {
            if case .error(let why) = replies.first {
                return unreadable("\(keys.flags) cannot be read: \(why)")
            }
            return unreadable("\(keys.flags) is no hash")
        }
        return finding(in: pairs, hasHistory: replies[1].integer != 0)
    }

    private func finding(in pairs: [(Reply, Reply)], hasHistory: Bool) -> Finding {
        size = pairs.reduce(0) { $0 + ($1.0.bytes?.count ?? 0) + ($1.1.bytes?.count ?? 0) }
        guard pairs.count <= FlagSet.flagsMax + 2 else {
            return unreadable(
                "\(keys.flags) has \(pairs.count) fields; \(FlagSet.flagsMax) are read; remove some")
        }
        var fields: [ExactText: String] = [:]
        for pair in pairs { fields[ExactText(pair.0.lossyText)] = pair.1.lossyText }
        var current = snapshot
        let lost = losses(fields, hasHistory: hasHistory, current)
        let faultsBefore = current.set.faults
        let wasKnown = current.isKnown
        let changed = current.set.take(lost.isEmpty ? fields : fields.merging(lost) { given, _ in given })
        current.lost = lost
        current.isKnown = true
        hadHistory = hasHistory || !lost.isEmpty
        if lost.isEmpty {
            current.standing = .fresh
            current.readAt = .now()
            note(nil)
        } else {
            if current.standing == .fresh { current.standing = .stale }
            let which = fields.isEmpty ? "them" : "\(lost.count) of them"
            note(
                "Redis has lost \(which), with their history; 'troop flags export | troop flags import -' writes them back",
                as: "Redis has lost flags")
        }
        let taken = current
        state.withLock { $0 = taken }
        for (key, why) in current.set.faults where faultsBefore[key] != why {
            log.error(
                "a flag's definition makes no sense",
                metadata: ["key": "\(keys.flags)", "field": "\(key.text.quotable)", "why": "\(why)"])
        }
        if wasKnown, !changed.isEmpty {
            let names = changed.prefix(8).map(\.quotable).joined(separator: " ")
            log.info("flags changed", metadata: ["changed": "\(changed.count)", "flags": "\(names)"])
        }
        save(taken.set)
        return lost.isEmpty ? .read(taken) : .lost(taken)
    }

    /// The fields in force that Redis has no more although nobody took them away: their history is gone, too.
    private func losses(
        _ fields: [ExactText: String], hasHistory: Bool, _ known: Snapshot
    ) -> [ExactText: String] {
        guard !hasHistory, hadHistory || fields.isEmpty else { return [:] }
        // What people write by hand after the loss, and take out again, was not lost.
        let all = known.lost.isEmpty ? known.set.texts : known.lost
        return all.filter { fields[$0.key] == nil }
    }

    private func unreadable(_ why: String) -> Finding {
        state.withLock { if $0.standing == .fresh { $0.standing = .stale } }
        note(why)
        return .unreadable(why)
    }

    private func note(_ why: String?, as sentence: Logger.Message = "flags cannot be read") {
        guard why != fault else { return }
        fault = why
        guard let why else { return log.notice("flags can be read again") }
        log.error(sentence, metadata: ["why": "\(why)"])
    }

    private func save(_ set: FlagSet) {
        let document = Document(
            flags: Dictionary(set.texts.map { ($0.key.text, $0.value) }) { first, _ in first },
            history: hadHistory)
        let now = Instant.now()
        let hasFailed = folder.writer.fault(of: FlagBook.documentName) != nil
        guard hasFailed ? now >= nextSave : document != saved else { return }
        saved = document
        nextSave = now.advanced(milliseconds: FlagBook.saveRetryMilliseconds)
        folder.writer.write(
            FlagBook.documentName,
            onChange: { [log] fault in
                guard let fault else { return log.notice("flags are kept on disk again") }
                log.error(
                    "could not keep the flags on disk; trying again now and then",
                    metadata: ["why": "\(fault)"])
            },
            { [folder] () throws(SystemFault) in try folder.write(document, as: FlagBook.documentName) })
    }

    private static func fields(_ flags: [String: String]) -> [ExactText: String] {
        Dictionary(flags.map { (ExactText($0.key), $0.value) }) { first, _ in first }
    }
}
