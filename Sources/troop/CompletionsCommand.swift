import ArgumentParser

/// `troop completions SHELL`: what a shell needs to complete this command line.
struct CompletionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions", abstract: "Print the completions for bash, zsh or fish.",
        discussion: """
            bash: troop completions bash > /usr/share/bash-completion/completions/troop
            zsh:  troop completions zsh > /usr/share/zsh/vendor-completions/_troop
            fish: troop completions fish > /usr/share/fish/vendor_completions.d/troop.fish
            """)

    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash, zsh, fish

        var kind: CompletionShell {
            switch self {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        }
    }

    @Argument(help: "bash, zsh or fish.") var shell: Shell

    func run() throws { Output.line(Troop.completionScript(for: shell.kind)) }
}
