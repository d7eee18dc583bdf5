import Glibc

/// Who types the command.
enum Person {
    /// The person's name, for histories and lists; also behind sudo.
    static var name: String {
        for variable in ["SUDO_USER", "USER"] {
            if let value = getenv(variable) { return String(String(cString: value).prefix(32)) }
        }
        // As in a service or a container, which have no such variables.
        if let entry = getpwuid(getuid()), let name = entry.pointee.pw_name {
            return String(String(cString: name).prefix(32))
        }
        return "uid-\(getuid())"
    }
}
