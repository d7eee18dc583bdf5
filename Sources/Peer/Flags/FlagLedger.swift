package import Flags
package import Store

/// Why a change of flags did not happen.
package enum FlagRefusal: Error, Sendable {
    /// The request itself is wrong: a sentence.
    case wrong(String)
    /// The definition is.
    case definition(DefinitionFault)
    case absent(String)
    /// Somebody else changed it meanwhile, again and again.
    case conflict(String)
    /// Redis could not be asked what it holds: nothing was done.
    case unread(StoreFault)
    /// What Redis holds cannot be read, and why: nothing was done.
    case unreadable(String)
    /// The change itself brought no answer that tells what became of it.
    case store(StoreFault)
}

/// Writes flags: checks what is asked against what Redis holds now, and changes it with its history in one step.
package struct FlagLedger: Sendable {
    /// Who asks, and why.
    package struct Author: Sendable {
        package var by: String
        package var reason: String

        /// An author from both texts, which were checked.
        package init(by: String, reason: String) {
            self.by = by
            self.reason = reason
        }
    }

    /// What a change did, in fields.
    package struct Outcome: Sendable, Equatable {
        package var changed: Int
        /// Those that Redis had lost, which were written back along with it.
        package var restored: Int

        /// An outcome from both counts.
        package init(changed: Int, restored: Int = 0) {
            self.changed = changed
            self.restored = restored
        }
    }

    private let store: Store
    private let keys: Keys
    private let book: FlagBook

    /// About how many entries the history keeps, of all flags together.
    package static let kept = 1000
    private static let attempts = 4
    private static let pageEntries = 100

    /// A ledger over the parts of one agent.
    package init(store: Store, keys: Keys, book: FlagBook) {
        self.store = store
        self.keys = keys
        self.book = book
    }

    /// Makes steps out of the flags as Redis holds them now, and takes them; when somebody was faster, again from the
    /// start. What Redis has lost is written back in the same step.
    package func change(
        _ author: Author, _ steps: (FlagSet) async throws(FlagRefusal) -> [FlagStep]
    ) async throws(FlagRefusal) -> Outcome {
        var field = ""
        for _ in 0..<FlagLedger.attempts {
            let known: FlagBook.Snapshot
            switch await book.look() {
            case .read(let snapshot), .lost(let snapshot): known = snapshot
            case .unanswered(let fault): throw .unread(fault)
            case .unreadable(let why): throw .unreadable(why)
            }
            let asked = try await steps(known.set)
            let words = FlagLedger.restoring(known.lost, before: asked).flatMap(\.words)
            let reply: Reply
            do {
                reply = try await store.run(
                    FlagScripts.change, keys: [keys.flags, keys.flagsHistory, keys.news],
                    arguments: [
                        author.by, author.reason, "\(FlagLedger.kept)", "\(FlagSet.flagsMax + 2)",
                    ] + words)
            } catch {
                throw .store(error)
            }
            let answer = reply.elements?.map { $0.text ?? "" } ?? []
            switch (answer.first, answer.count) {
            case ("done", 2):
                await book.look()
                let all = Int(answer[1]) ?? 0
                return Outcome(changed: max(0, all - known.lost.count), restored: known.lost.count)
            case ("conflict", 2): field = answer[1]
            case ("full", 2):
                throw .wrong("there would be \(answer[1]) flags; there may be \(FlagSet.flagsMax)")
            default: throw .store(.malformed("\(FlagScripts.change.name): no such answer"))
            }
        }
        throw .conflict(field)
    }

    /// Steps with those before them that write back what Redis has lost, unless somebody else did meanwhile.
    private static func restoring(_ lost: [ExactText: String], before steps: [FlagStep]) -> [FlagStep] {
        guard !lost.isEmpty else { return steps }
        let restored = lost.sorted { $0.key.text < $1.key.text }.map { key, text in
            FlagStep(key.text, expected: .absent, outcome: .text(text), what: FlagHistoryEntry.restored)
        }
        return restored
            + steps.map { (step: FlagStep) -> FlagStep in
                guard lost[ExactText(step.field)] != nil else { return step }
                var step = step
                step.expected = .absent
                return step
            }
    }

    /// The steps that set one field to a text, or take it away (nil); `what` is told in the history.
    package func steps(
        setting field: String, to text: String?, in set: FlagSet, what: String = ""
    ) throws(FlagRefusal) -> [FlagStep] {
        if let fault = FlagKey.fieldFault(field), text != nil { throw .wrong(fault) }
        let outcome = text.map { FlagStep.Outcome.text($0) } ?? .absent
        let sharedText = set.texts[ExactText(FlagKey.evaluators)]
        let shared = sharedText.map { FlagStep.Expected.text($0) } ?? .anything
        do throws(DefinitionFault) {
            switch field {
            case FlagKey.metadata:
                if let text { _ = try Flag.metadata(try Flag.json(Array(text.utf8))) }
            case FlagKey.evaluators:
                let rules = try text.map { text throws(DefinitionFault) in
                    try Flag.evaluators(try Flag.json(Array(text.utf8)))
                }
                try FlagLedger.check(set, with: rules ?? JSONObject())
            default:
                guard let text else { break }
                _ = try Flag(Array(text.utf8), evaluators: set.evaluators)
                // The shared rules that the definition was checked against must still be those.
                return [
                    FlagStep(FlagKey.evaluators, expected: shared, outcome: .unchanged),
                    FlagStep(field, outcome: outcome, what: what),
                ]
            }
        } catch {
            throw .definition(error)
        }
        return [FlagStep(field, outcome: outcome, what: what)]
    }

    /// Other shared rules must suit every flag that is there.
    private static func check(_ set: FlagSet, with rules: JSONObject) throws(DefinitionFault) {
        var faults: [FlagFault] = []
        for key in set.keys {
            guard let flag = set[key] else { continue }
            do {
                _ = try Flag(.object(flag.definition), evaluators: rules)
            } catch {
                faults += error.faults.map {
                    FlagFault(path: "flags.\(key.quotable).\($0.path)", problem: $0.problem)
                }
            }
        }
        if !faults.isEmpty { throw DefinitionFault(Array(faults.prefix(FlagFault.toldMax))) }
    }

    /// The latest entries of the history, newest first, of one field or of all.
    package func history(of field: String?, count: Int) async throws(StoreFault) -> [FlagHistoryEntry] {
        var found: [FlagHistoryEntry] = []
        var end = "+"
        while found.count < count {
            let reply = try await store.call(
                Command(
                    "XREVRANGE", keys.flagsHistory, end, "-", "COUNT", "\(FlagLedger.pageEntries)"))
            let page = FlagHistoryEntry.list(reply)
            found += page.filter { entry in field.map { $0.isExactly(entry.field) } ?? true }
            guard reply.elements?.count == FlagLedger.pageEntries, let last = page.last else { break }
            end = "(" + last.id
        }
        return Array(found.prefix(count))
    }

    /// What a field held right after an entry of its history, or before its last change (nil); the text is empty when
    /// it held nothing.
    package func past(of field: String, entry id: String?) async throws(FlagRefusal) -> String {
        let entries: [FlagHistoryEntry]
        do {
            entries = try await history(of: field, count: id == nil ? 1 : FlagLedger.kept * 2)
        } catch {
            throw .unread(error)
        }
        if let id {
            guard let entry = entries.first(where: { $0.id == id }) else {
                throw .absent(
                    "the history of '\(field.quotable)' has no entry '\(id.quotable)'; see 'troop flags history'"
                )
            }
            return entry.new
        }
        guard let last = entries.first else {
            throw .absent("there is no history of '\(field.quotable)'")
        }
        // It was not there before only because Redis had lost it.
        guard last.what != FlagHistoryEntry.restored else {
            throw .absent("there is no history of '\(field.quotable)' from before Redis lost it")
        }
        return last.old
    }
}
