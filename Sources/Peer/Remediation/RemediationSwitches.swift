import FoundationEssentials
import Remediation
import Store

/// What people have set for the whole troop: fields of the hash `config`, read by the leader each second.
struct RemediationSwitches: Sendable, Equatable {
    /// A person's word on a host or on the monkeys.
    struct Mark: Codable, Sendable, Equatable {
        var reason: String
        var by: String
        var since: Int64
    }

    /// Why the troop is paused; nil when it is not.
    var pause: String?
    /// Why the monkeys are paused; nil when they are not.
    var monkeys: String?
    /// Modes that go over the configuration's.
    var giftMode: PolicyMode?
    var doctorMode: PolicyMode?
    var holds: [String: String] = [:]
    var quarantine: [String: String] = [:]
    /// When a hot leader last handed over: by Redis's clock in milliseconds, and which host that was.
    var handover: (host: String, at: Int64)?
    /// Fields that make no sense, one line each.
    var faults: [String] = []

    static let monkeysField = "monkeys"
    static let giftModeField = "gift_mode"
    static let doctorModeField = "doctor_mode"
    static let handoverField = "doctor_handover"
    static let holdPrefix = "hold:"
    static let quarantinePrefix = "quarantine:"

    init() {}

    /// Reads the hash's fields.
    init(fields: [String: String]) {
        for (field, value) in fields.sorted(by: { $0.key < $1.key }) {
            if field == PauseSwitch.field {
                pause = RemediationSwitches.reason(value)
            } else if field == RemediationSwitches.monkeysField {
                monkeys = RemediationSwitches.reason(value)
            } else if field == RemediationSwitches.giftModeField {
                giftMode = mode(field, value)
            } else if field == RemediationSwitches.doctorModeField {
                doctorMode = mode(field, value)
            } else if field.hasPrefix(RemediationSwitches.holdPrefix) {
                holds[String(field.dropFirst(RemediationSwitches.holdPrefix.count))] =
                    RemediationSwitches.reason(value)
            } else if field.hasPrefix(RemediationSwitches.quarantinePrefix) {
                quarantine[String(field.dropFirst(RemediationSwitches.quarantinePrefix.count))] =
                    RemediationSwitches.reason(value)
            } else if field == RemediationSwitches.handoverField {
                let parts = value.split(separator: " ")
                if parts.count == 2, let at = Int64(parts[1]), at >= 0 { handover = (String(parts[0]), at) }
            }
        }
    }

    static func == (left: RemediationSwitches, right: RemediationSwitches) -> Bool {
        left.pause == right.pause && left.monkeys == right.monkeys && left.giftMode == right.giftMode
            && left.doctorMode == right.doctorMode && left.holds == right.holds
            && left.quarantine == right.quarantine
            && left.handover?.host == right.handover?.host && left.handover?.at == right.handover?.at
    }

    private mutating func mode(_ field: String, _ value: String) -> PolicyMode? {
        if let mode = PolicyMode(rawValue: value) { return mode }
        faults.append(
            "the field '\(field)' of config is no mode; set it with 'troop monkeys mode', or remove it with HDEL"
        )
        return nil
    }

    /// The reason in a mark; a text that is none stands for itself, since people may set fields by hand.
    private static func reason(_ value: String) -> String {
        guard let mark = try? JSONDecoder().decode(Mark.self, from: Data(value.utf8)) else {
            return String(value.prefix(200))
        }
        return mark.by.isEmpty
            ? mark.reason : mark.reason.isEmpty ? "by \(mark.by)" : "\(mark.reason) (\(mark.by))"
    }
}
