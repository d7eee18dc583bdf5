package import Election
import FoundationEssentials
import Linux
package import Logging
package import Store
import Synchronization

/// A pause of the whole troop: the leader goes on leading, nobody new is elected, no remedy begins.
package struct Pause: Codable, Equatable, Sendable {
    /// Why; empty when nobody said.
    package var reason: String
    /// Who asked for it.
    package var by: String
    /// Since when, in milliseconds since 1970.
    package var since: Int64

    /// A pause from its parts.
    package init(reason: String, by: String, since: Int64) {
        self.reason = reason
        self.by = by
        self.since = since
    }
}

/// Why an agent does not stand for election; it stands when no reason is left.
package final class Abstention: Sendable {
    /// A reason.
    package enum Reason: Hashable, Sendable {
        /// The configuration says so (`election.never_lead`).
        case neverLeads
        /// Another live host has this host's name.
        case nameIsTaken
        /// People paused the troop.
        case paused
    }

    private let elector: Elector
    private let reasons: Mutex<Set<Reason>>

    /// Abstains from the start for these reasons.
    package init(elector: Elector, reasons: Set<Reason>) {
        self.elector = elector
        self.reasons = Mutex(reasons)
        if !reasons.isEmpty { elector.pause(true) }
    }

    /// Whether this host could be handed the lease: a pause passes, the other reasons are the host's own.
    package var canLead: Bool { reasons.withLock { $0.subtracting([.paused]).isEmpty } }

    /// Adds or takes away a reason.
    package func set(_ reason: Reason, _ holds: Bool) {
        reasons.withLock { reasons in
            let before = reasons.isEmpty
            if holds { reasons.insert(reason) } else { reasons.remove(reason) }
            // Within the lock, and never waiting: the elector is to hear of changes in their order.
            if before != reasons.isEmpty { elector.pause(!reasons.isEmpty) }
        }
    }
}

/// Follows the field `pause` of the hash `config`, which people set and clear; the last known state stays in force while
/// Redis does not answer, or holds something that makes no sense.
package actor PauseSwitch {
    private let store: Store
    private let keys: Keys
    private let abstention: Abstention
    private let log: Logger

    /// Readings begun, and the last of them whose answer counted.
    private var lookNumber = 0
    private var takenNumber = 0

    /// The pause in force; nil for none.
    package private(set) var current: Pause?
    /// What is wrong with the stored value; nil when nothing is.
    package private(set) var fault: String?

    /// The field of `config`, and what is told on `news` when it changes.
    package static let field = "pause"

    /// A switch that was not read yet.
    package init(store: Store, keys: Keys, abstention: Abstention, log: Logger) {
        self.store = store
        self.keys = keys
        self.abstention = abstention
        self.log = log
    }

    /// A reading that was begun.
    package struct Reading: Sendable {
        fileprivate let number: Int
    }

    /// Begins a reading; of two whose answers cross, the one that was begun later counts.
    package func begin() -> Reading {
        lookNumber += 1
        return Reading(number: lookNumber)
    }

    /// Reads it again.
    package func look() async {
        let reading = begin()
        do throws(StoreFault) {
            take(try await store.call(question.command), of: reading)
        } catch {
            miss(error)
        }
    }

    /// What is asked to read it.
    package nonisolated var question: Question { Question("HGET", keys.config, PauseSwitch.field) }

    /// Takes in what kept the question from being answered: nothing changes.
    package func miss(_ why: StoreFault) {
        if case .rejected(let why) = why { fault = "the key \(keys.config) cannot be read: \(why)" }
    }

    /// Takes in the answer.
    package func take(_ reply: Reply, of reading: Reading) {
        guard reading.number > takenNumber else { return }
        takenNumber = reading.number
        switch reply {
        case .null: take(nil)
        case .bulk, .status:
            guard let pause = try? JSONForm.document(Pause.self, from: Array((reply.text ?? "").utf8)) else {
                fault =
                    "the field '\(PauseSwitch.field)' of \(keys.config) is no pause; set it with 'troop pause' or clear it with 'troop resume'"
                return
            }
            take(pause)
        case .error(let error) where error.kind == .configuration: miss(.rejected(error))
        case .integer, .array, .error: fault = "the key \(keys.config) is no hash"
        }
    }

    /// Pauses the troop, or ends the pause (nil).
    package func set(_ pause: Pause?) async throws(StoreFault) {
        if let pause {
            guard let json = JSONForm.bytes(pause) else { return }
            _ = try await store.call(
                Command("HSET", keys.config, PauseSwitch.field, String(decoding: json, as: UTF8.self)))
        } else {
            _ = try await store.call(Command("HDEL", keys.config, PauseSwitch.field))
        }
        _ = try? await store.call(Command("PUBLISH", keys.news, PauseSwitch.field))
        takenNumber = begin().number  // what was asked before may not know of it
        take(pause)
    }

    private func take(_ pause: Pause?) {
        fault = nil
        guard pause != current else { return }
        current = pause
        abstention.set(.paused, pause != nil)
        if let pause {
            log.notice("the troop is paused", metadata: ["why": "\(pause.reason)", "by": "\(pause.by)"])
        } else {
            log.notice("the troop's pause is over")
        }
    }
}
