// Plays the table of raw byte cases against this project's proxy, HAProxy and nginx, and writes a page that says where
// they differ. Run it from the project's folder: `conformance-report [FILE]`.
import Conformance
import Glibc
import Linux

/// The time without a byte after which a proxy is not expected to say more, in milliseconds.
let patience: Int32 = 250

func say(_ text: String) {
    let line = Array((text + "\n").utf8)
    _ = write(STDERR_FILENO, line, line.count)
}

func shown(_ text: String) -> String {
    var shown = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "|": shown += "\\|"
        case "<": shown += "&lt;"
        default:
            if scalar.value < 32 || scalar.value > 126 {
                shown += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
    }
    return shown
}

func page(_ contestants: [Contestant], _ outcomes: [[String]]) -> String {
    let cases = Case.all
    var text = """
        # HTTP conformance, beside others

        Written by `make conformance`: \(cases.count) raw byte cases from `Tests/Conformance/Table`, each played over a socket
        between a client, a proxy and a server that records every byte. The rivals run with the configuration of the
        benchmark (`Benchmarks/rivals`), otherwise with their defaults.

        | proxy | version | differs from Troop | refused by Troop, but reaches the server | refused by Troop, but reaches the client |
        |---|---|---|---|---|

        """
    for (column, contestant) in contestants.enumerated() {
        var differs = 0
        var requests = 0
        var responses = 0
        for (row, item) in cases.enumerated() {
            let outcome = outcomes[row][column]
            if outcome != outcomes[row][0] { differs += 1 }
            switch item.wanted {
            case .refused, .refusedInBody: if outcome.contains("forwarded") { requests += 1 }
            case .badGateway: if !outcome.hasPrefix("502"), !outcome.hasPrefix("no answer") { responses += 1 }
            case .answered, .forwarded, .relayed, .cut: break
            }
        }
        text += "| \(contestant.name) | \(contestant.version) | \(differs) | \(requests) | \(responses) |\n"
    }
    text += """

        ## Where they differ

        A status is what the client was answered; “forwarded” means that a server got the request; “with” names bytes that
        should have ended at the proxy.

        | case | rule | \(contestants.map(\.name).joined(separator: " | ")) |
        |---|---|\(contestants.map { _ in "---|" }.joined())

        """
    for (row, item) in cases.enumerated() where Set(outcomes[row]).count > 1 {
        text += "| \(shown(item.name)) | \(item.source) | "
        text += outcomes[row].map(shown).joined(separator: " | ") + " |\n"
    }
    return text
}

func run() throws {
    signal(SIGPIPE, SIG_IGN)
    var template = Array("/tmp/troop-conformance-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemFault("mkdtemp") }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    var contestants = [try Contestant.troop()]
    defer { for contestant in contestants { contestant.stop() } }
    if let haproxy = try Contestant.rival(
        "HAProxy", program: "haproxy", template: "haproxy.cfg.template", folder: folder,
        arguments: { ["-db", "-f", $0] })
    {
        contestants.append(haproxy)
    } else {
        say("haproxy is not installed: left out")
    }
    if let nginx = try Contestant.rival(
        "nginx", program: "nginx", template: "nginx.conf.template", folder: folder,
        arguments: { ["-e", "stderr", "-p", folder, "-c", $0] })
    {
        contestants.append(nginx)
    } else {
        say("nginx is not installed: left out")
    }
    var outcomes: [[String]] = []
    for (number, item) in Case.all.enumerated() {
        outcomes.append(contestants.map { $0.play(item, patience: patience) })
        if (number + 1) % 50 == 0 { say("\(number + 1) of \(Case.all.count) cases") }
    }
    let text = page(contestants, outcomes)
    if CommandLine.arguments.count > 1 {
        guard Contestant.write(text, to: CommandLine.arguments[1]) else {
            throw SystemFault("write \(CommandLine.arguments[1])")
        }
        say("written: \(CommandLine.arguments[1])")
    } else {
        print(text)
    }
}

do {
    try run()
} catch {
    say("conformance: \(error)")
    exit(1)
}
