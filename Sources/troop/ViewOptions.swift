import ArgumentParser
import Peer

/// How a command prints something that people look at for long.
enum ViewFormat: String, ExpressibleByArgument, CaseIterable {
    case table, wide, json, yaml
}

/// Options of commands that show the troop.
struct ViewOptions: ParsableArguments {
    @Option(name: [.short, .long], help: "table, wide (with more columns), json or yaml.")
    var output: ViewFormat = .table

    /// Prints a document as JSON or YAML; false where a table is wanted.
    func printed(_ document: some Encodable) -> Bool {
        switch output {
        case .json: Output.json(document)
        case .yaml: Output.write(YAMLText.text(of: document))
        case .table, .wide: return false
        }
        return true
    }

    /// Whether more columns are wanted.
    var isWide: Bool { output == .wide }
}
