import Remediation

extension OptionTable {
    /// What the two policies go by, and what keeps them from doing harm.
    static var remediation: [ConfigurationOption] { gift + doctor + rails }

    private static var gift: [ConfigurationOption] {
        [
            ConfigurationOption(
                "remediation.gift.mode", .oneOf(), into: \.remediation.gift.mode, .text("observe"),
                "Whether the gift monkey only tells what it would do, prepares it for approval, or does it."),
            ConfigurationOption(
                "remediation.gift.above", .percentage(1...100), into: \.remediation.gift.abovePercent,
                .text("70%"),
                "Servers are launched while the mean busy share of the hosts with an active server is above this."
            ),
            ConfigurationOption(
                "remediation.gift.clear", .percentage(0...100), into: \.remediation.gift.clearPercent,
                .text("60%"),
                "A hot fleet counts as calm again below this."),
            ConfigurationOption(
                "remediation.gift.hold", .duration(2000...86_400_000),
                into: \.remediation.gift.holdMilliseconds,
                .text("60s"), "How long the heat must last: five of six windows, the last one among them."),
            ConfigurationOption(
                "remediation.gift.step", .whole(1...100), into: \.remediation.gift.step, .text("1"),
                "Servers that are launched at a time."),
            ConfigurationOption(
                "remediation.gift.max", .whole(1...10_000), into: \.remediation.gift.max, .text("10"),
                "The most servers there may be, by the list and by the provider's own count."),
            ConfigurationOption(
                "remediation.gift.cooldown", .duration(0...86_400_000),
                into: \.remediation.gift.cooldownMilliseconds, .text("180s"),
                "The pause from the moment a launched server is healthy; after failures it doubles, up to half an hour."
            ),
            ConfigurationOption(
                "remediation.gift.scale_in", .truth, into: \.remediation.gift.scaleIn, .text("false"),
                "Whether launched servers are drained and terminated again while the fleet is idle."),
            ConfigurationOption(
                "remediation.gift.below", .percentage(0...100), into: \.remediation.gift.belowPercent,
                .text("25%"),
                "The fleet is idle while its mean busy share is below this."),
            ConfigurationOption(
                "remediation.gift.idle", .duration(2000...604_800_000),
                into: \.remediation.gift.idleMilliseconds,
                .text("15m"), "How long the fleet must be idle before a server is taken away."),
            ConfigurationOption(
                "remediation.gift.min", .whole(1...10_000), into: \.remediation.gift.min, .text("1"),
                "The fewest servers that are left."),
        ]
    }

    private static var doctor: [ConfigurationOption] {
        [
            ConfigurationOption(
                "remediation.doctor.mode", .oneOf(), into: \.remediation.doctor.mode, .text("observe"),
                "Whether the doctor monkey only tells what it would do, prepares it for approval, or does it."
            ),
            ConfigurationOption(
                "remediation.doctor.above", .percentage(1...100), into: \.remediation.doctor.abovePercent,
                .text("90%"), "A host is ill while its busy share is above this."),
            ConfigurationOption(
                "remediation.doctor.hold", .duration(2000...86_400_000),
                into: \.remediation.doctor.holdMilliseconds, .text("60s"),
                "How long the heat must last: five of six windows, the last one among them."),
            ConfigurationOption(
                "remediation.doctor.confirm", .oneOf(), into: \.remediation.doctor.confirm, .text("cpu"),
                "What makes a host ill: its heat, or its heat and a failing health check."),
            ConfigurationOption(
                "remediation.doctor.ladder", .remedies, into: \.remediation.doctor.ladder, .text("reboot"),
                "The remedies, mildest first; each follows when the one before did not help.", shape: .list),
            ConfigurationOption(
                "remediation.doctor.drain", .duration(0...86_400_000),
                into: \.remediation.doctor.drainMilliseconds, .text("30s"),
                "How long requests in flight may take before the remedy goes on."),
            ConfigurationOption(
                "remediation.doctor.deadline", .duration(1000...86_400_000),
                into: \.remediation.doctor.deadlineMilliseconds, .text("10m"),
                "How long a host may take to come back from a reboot."),
            ConfigurationOption(
                "remediation.doctor.cooldown", .duration(0...86_400_000),
                into: \.remediation.doctor.cooldownMilliseconds, .text("10m"),
                "How long a host is left alone after a remedy."),
            ConfigurationOption(
                "remediation.doctor.unreachable", .truth, into: \.remediation.doctor.unreachable,
                .text("false"),
                "Whether a host that neither reports nor answers its checks is healed through the provider."),
        ]
    }

    private static var rails: [ConfigurationOption] {
        [
            ConfigurationOption(
                "remediation.guard.min_healthy", .percentage(0...100),
                into: \.remediation.rails.minHealthyPercent, .text("51%"),
                "The share of the servers (the active ones and those that remedies left out) that must stay healthy when one is taken out; never fewer than one."
            ),
            ConfigurationOption(
                "remediation.guard.concurrent", .whole(1...100), into: \.remediation.rails.concurrent,
                .text("1"),
                "Remedies that take a server out, at a time."),
            ConfigurationOption(
                "remediation.guard.reboots_per_hour", .whole(0...1000),
                into: \.remediation.rails.rebootsPerHour, .text("4"),
                "Remedies of the doctor in any hour, whoever led in it."),
            ConfigurationOption(
                "remediation.guard.launches_per_hour", .whole(0...1000),
                into: \.remediation.rails.launchesPerHour, .text("10"),
                "Launches in any hour, whoever led in it."),
            ConfigurationOption(
                "remediation.guard.grace", .duration(0...86_400_000),
                into: \.remediation.rails.graceMilliseconds, .text("60s"),
                "How long a new leader only watches."),
            ConfigurationOption(
                "remediation.guard.fresh", .percentage(0...100), into: \.remediation.rails.freshPercent,
                .text("51%"),
                "The share of the hosts that must report in time, or the reports are not trusted."),
            ConfigurationOption(
                "remediation.guard.windows", .windows, into: \.remediation.rails.windows, .derived("always"),
                "When servers may be taken out, in UTC: `02:00-04:00`, `sat,sun 00:00-24:00`; launches are always allowed.",
                shape: .arguments),
        ]
    }

    /// How this host is rebooted when the leader asks for it.
    static var hostRemedies: [ConfigurationOption] {
        [
            ConfigurationOption(
                "host.reboot_command", .arguments, into: \.rebootCommand,
                .derived("the file /run/troop/reboot, for systemd's troop-reboot.path"),
                "The program that reboots this host when the leader asks for it.", shape: .arguments),
            ConfigurationOption(
                "host.boot_id_file", .path, into: \.bootIDFile, .derived("the kernel's boot id"),
                "A file with another text after each boot, for machines that share a kernel."),
        ]
    }

    /// How this host's application is started when the leader asks for it.
    static var serverRemedies: [ConfigurationOption] {
        [
            ConfigurationOption(
                "server.unit", .word, into: \.serverUnit, .none,
                "The application's systemd unit, which the doctor has restarted; the agent must be allowed to, as the package's is not: see `server.start_command`."
            ),
            ConfigurationOption(
                "server.start_command", .arguments, into: \.startCommand, .none,
                "The program that starts the application (again), as the package's `/usr/lib/troop/ask-restart`; it must return, and leave the application to others.",
                shape: .arguments),
        ]
    }
}

extension ValueForm where Value == Int {
    /// A percentage with its sign, such as `70%`.
    static func percentage(_ range: ClosedRange<Int>) -> ValueForm {
        ValueForm(name: "percentage, \(range.lowerBound)% to \(range.upperBound)%") {
            text throws(ValueFault) in
            guard text.hasSuffix("%"), let number = decimal(String(text.dropLast())), range.contains(number)
            else {
                throw ValueFault(
                    text:
                        "expected a percentage from \(range.lowerBound)% to \(range.upperBound)% such as 70%, got '\(shown(text))'"
                )
            }
            return number
        }
    }
}

extension ValueForm where Value == [Remedy] {
    /// The rungs of the doctor's ladder.
    static let remedies = ValueForm(name: "list of `restart-app`, `reboot`, `stop-start`, `replace`") {
        text throws(ValueFault) in
        let words = text.split(separator: ",", omittingEmptySubsequences: false).map { word in
            String(word.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        let remedies = words.compactMap { Remedy(rawValue: $0) }
        guard !remedies.isEmpty, remedies.count == words.count, Set(remedies).count == remedies.count else {
            throw ValueFault(
                text:
                    "expected remedies, each once: restart-app, reboot, stop-start, replace; got '\(shown(text))'"
            )
        }
        return remedies
    }
}

extension ValueForm where Value == [MaintenanceWindow] {
    private static let windowsMax = 64

    /// Parts of the week.
    static let windows = ValueForm(name: "list of windows, as `sat 01:00-05:00`") { text throws(ValueFault) in
        var windows: [MaintenanceWindow] = []
        for part in text.split(separator: ConfigurationOption.Shape.partSeparator) {
            guard let window = MaintenanceWindow(String(part)), windows.count < windowsMax else {
                throw ValueFault(
                    text:
                        "expected windows such as '02:00-04:00' or 'sat,sun 01:00-05:00', in UTC, got '\(shown(String(part)))'"
                )
            }
            windows.append(window)
        }
        return windows
    }
}
