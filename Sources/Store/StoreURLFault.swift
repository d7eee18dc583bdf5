/// What is wrong with a Redis URL; says what was expected and never repeats the URL, since a mistyped URL
/// may show its password anywhere.
package enum StoreURLFault: Error, Equatable, Sendable, CustomStringConvertible {
    case noScheme
    case unknownScheme(String)
    case noHost
    case badHost
    case badPort
    case badPath
    case pathTooLong
    case badDatabase
    case databaseTwice
    case unknownParameter
    case badEscape
    case fragment

    package var description: String {
        switch self {
        case .noScheme:
            "the Redis URL has no scheme; expected redis://HOST:PORT/DB, rediss://… (TLS) or unix:///PATH"
        case .unknownScheme(let scheme):
            "the Redis URL's scheme is '\(scheme)'; expected redis, rediss (TLS) or unix"
        case .noHost: "the Redis URL has no host; expected redis://HOST:PORT/DB"
        case .badHost:
            "the Redis URL's host is not a name, an IPv4 address or an [IPv6] address "
                + "(an '@', ':', '/', '?' or '#' in a password is written as %40, %3A, %2F, %3F, %23)"
        case .badPort:
            "the Redis URL's port is not a number from 1 to 65535 "
                + "(an '@', ':', '/', '?' or '#' in a password is written as %40, %3A, %2F, %3F, %23)"
        case .badPath:
            "the Redis URL's path is not absolute; expected unix:///PATH, such as unix:///run/redis.sock"
        case .pathTooLong:
            "the Redis URL's socket path is longer than \(StoreURL.socketPathBytesMax) bytes, the kernel's limit"
        case .badDatabase:
            "the Redis URL's database is not a number from 0 to \(StoreURL.databaseMax); "
                + "expected redis://HOST:PORT/DB"
        case .databaseTwice: "the Redis URL names a database both in its path and as ?db=; give it once"
        case .unknownParameter: "the Redis URL has a parameter other than db; expected ?db=NUMBER or none"
        case .badEscape:
            "the Redis URL has a '%' without two hexadecimal digits behind it, or bytes that are not UTF-8; "
                + "a '%' itself is written as %25"
        case .fragment: "the Redis URL has a '#'; in a password it is written as %23"
        }
    }
}
