/// The first words on a connection: who we are, which database, what name; and what the answers mean.
struct Greeting {
    private enum Step {
        case signIn
        case select
        case name
    }

    private static let nameCharactersMax = 80

    let commands: [Command]
    private let steps: [Step]
    private let password: Secret?

    init(_ settings: StoreSettings) throws(StoreFault) {
        var commands: [Command] = []
        var steps: [Step] = []
        password = settings.effectivePassword
        let user = settings.url.user
        if let password {
            commands.append(Command(["AUTH"] + (user.map { [$0] } ?? []) + [password.revealed]))
            steps.append(.signIn)
        } else if let user {
            throw .misconfigured("the Redis URL names the user '\(user)', but no password is given")
        }
        if settings.url.database != 0 {
            commands.append(Command("SELECT", "\(settings.url.database)"))
            steps.append(.select)
        }
        commands.append(Command("CLIENT", "SETNAME", Greeting.clientName(settings.name)))
        steps.append(.name)
        self.commands = commands
        self.steps = steps
    }

    /// Throws the first answer that forbids going on.
    func check(_ replies: [Reply]) throws(StoreFault) {
        for (step, reply) in zip(steps, replies) {
            guard case .error(let error) = reply else { continue }
            switch step {
            case .signIn, .select: throw .rejected(error.without(password))
            case .name:
                // The name is a courtesy: a user whose rights lack CLIENT may go without.
                if error.code != "NOPERM", error.kind != .refused { throw .rejected(error) }
            }
        }
    }

    /// Redis refuses spaces and anything unprintable in a name.
    private static func clientName(_ name: String) -> String {
        let printable = name.unicodeScalars.prefix(nameCharactersMax).map { scalar -> Character in
            (33...126).contains(scalar.value) ? Character(scalar) : "_"
        }
        return "troop:" + String(printable)
    }
}
