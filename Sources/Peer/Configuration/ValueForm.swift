import Linux
import Proxy
import Store

/// What is wrong with one value, and what was expected.
struct ValueFault: Error, Equatable {
    let text: String
}

/// A form of values: how it is named in the documentation, and how a text becomes such a value.
struct ValueForm<Value: Sendable>: Sendable {
    /// The form's name with its limits, for the documentation.
    let name: String
    /// Reads a text; throws what was expected instead.
    let read: @Sendable (String) throws(ValueFault) -> Value
}

extension ValueForm where Value == String {
    /// The names of clusters and hosts.
    static let name = ValueForm(name: "name: 1 to 63 of `A-Z a-z 0-9 . _ -`") { text throws(ValueFault) in
        guard isName(text) else {
            throw ValueFault(
                text: "expected 1 to 63 letters, digits, '.', '_' or '-', got '\(shown(text))'")
        }
        return text
    }

    /// A path of a file or folder.
    static let path = ValueForm(name: "path") { text throws(ValueFault) in
        try printable(text, expected: "a path such as /etc/troop/ca.pem", bytesMax: 4095)
    }

    /// A path short enough for the address of a unix socket.
    static let socketPath = ValueForm(name: "path of at most 107 bytes") { text throws(ValueFault) in
        try printable(
            text, expected: "a path of at most 107 bytes such as /run/troop/agent.sock", bytesMax: 107)
    }

    /// A word without further rules.
    static let word = ValueForm(name: "text") { text throws(ValueFault) in
        try printable(text, expected: "a text without spaces", bytesMax: 255, allowingSpaces: false)
    }

    /// What a proxy calls itself; RFC 9110 allows any token, which is more than anybody needs.
    static let pseudonym = ValueForm(name: "name: 1 to 64 of `A-Z a-z 0-9 . _ -`") {
        text throws(ValueFault) in
        guard text.isPlainName(bytesMax: 64) else {
            throw ValueFault(
                text: "expected 1 to 64 letters, digits, '.', '_' or '-', got '\(shown(text))'")
        }
        return text
    }

    /// The path of an HTTP request.
    static let requestPath = ValueForm(name: "request path, as `/healthz`") { text throws(ValueFault) in
        guard text.hasPrefix("/"), text.utf8.count <= 1024,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "#") })
        else { throw ValueFault(text: "expected a request path such as /healthz, got '\(shown(text))'") }
        return text
    }

    /// A numeric address that other hosts can reach; the result is canonical.
    static let hostAddress = ValueForm(name: "numeric IPv4 or IPv6 address") { text throws(ValueFault) in
        guard let address = try? SocketAddress(host: text, port: 1) else {
            throw ValueFault(
                text: "expected a numeric address such as 10.0.0.5 or fd00::5, got '\(shown(text))'")
        }
        guard address.bytes.contains(where: { $0 != 0 }) else {
            throw ValueFault(text: "expected an address others can reach, got '\(shown(text))'")
        }
        return address.host
    }

    /// True for what can name a cluster or a host.
    static func isName(_ text: String) -> Bool { text.isPlainName(bytesMax: 63) }

    private static func printable(
        _ text: String, expected: String, bytesMax: Int, allowingSpaces: Bool = true
    ) throws(ValueFault) -> String {
        let isFine =
            (1...bytesMax).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f && (allowingSpaces || $0 != 0x20) }
        guard isFine else { throw ValueFault(text: "expected \(expected), got '\(shown(text))'") }
        return text
    }
}

extension ValueForm where Value == StoreURL {
    /// The URL of the store; its text is never quoted, it may hold a password.
    static let redisURL = ValueForm(name: "Redis URL") { text throws(ValueFault) in
        do throws(StoreURLFault) {
            return try StoreURL(text)
        } catch {
            throw ValueFault(text: "\(error)")
        }
    }
}

extension ValueForm where Value == Secret {
    /// A password; never quoted.
    static let secret = ValueForm(name: "text") { text throws(ValueFault) in
        guard (1...4096).contains(text.utf8.count) else {
            throw ValueFault(text: "expected a password of at most 4096 bytes")
        }
        return Secret(text)
    }
}

extension ValueForm where Value == SocketAddress {
    /// An address with a port.
    static let socketAddress = ValueForm(name: "`ADDRESS:PORT`") { text throws(ValueFault) in
        do throws(SocketAddressFault) {
            return try SocketAddress(text)
        } catch {
            let why: String
            switch error {
            case .noPort: why = "it has no port"
            case .badPort: why = "its port is not a number from 1 to 65535"
            case .notNumeric: why = "its address is not numeric"
            }
            throw ValueFault(
                text: "expected ADDRESS:PORT such as 10.0.0.5:3000 or [fd00::5]:3000, "
                    + "got '\(shown(text))': \(why)")
        }
    }
}

extension ValueForm where Value == Bool {
    /// True or false, written so.
    static let truth = ValueForm(name: "`true` or `false`") { text throws(ValueFault) in
        switch text {
        case "true": return true
        case "false": return false
        default: throw ValueFault(text: "expected true or false, got '\(shown(text))'")
        }
    }
}

extension ValueForm where Value == Int {
    /// A whole number within limits.
    static func whole(_ range: ClosedRange<Int>) -> ValueForm {
        ValueForm(name: "whole number, \(range.lowerBound) to \(range.upperBound)") {
            text throws(ValueFault) in
            guard let number = decimal(text), range.contains(number) else {
                throw ValueFault(
                    text: "expected a whole number from \(range.lowerBound) to \(range.upperBound), "
                        + "got '\(shown(text))'")
            }
            return number
        }
    }
}

extension ValueForm where Value == Double {
    /// A number of cores, with up to three decimals.
    static let cores = ValueForm(name: "number of cores, 0.01 to 4096") { text throws(ValueFault) in
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), decimal(String(parts[0])) != nil,
            parts.count == 1 || (1...3).contains(parts[1].utf8.count) && decimal(String(parts[1])) != nil,
            let number = Double(text), (0.01...4096).contains(number)
        else {
            throw ValueFault(
                text: "expected a number of cores from 0.01 to 4096 such as 0.5, got '\(shown(text))'")
        }
        return number
    }
}

extension ValueForm where Value == [Network] {
    /// The most networks that a list may have: each is compared with every new connection's address.
    private static let networksMax = 256

    /// Networks and single addresses.
    static let networks = ValueForm(name: "list of networks, as `10.0.0.0/8, fd00::/8`") {
        text throws(ValueFault) in
        var networks: [Network] = []
        if text.isEmpty { return networks }
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let word = String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            do throws(Network.Fault) {
                networks.append(try Network(word))
            } catch {
                let why: String
                switch error {
                case .badAddress: why = "its address is not numeric"
                case .badPrefix: why = "its prefix is no number of bits that the address has"
                case .bitsBeyondPrefix: why = "the address has bits beyond the prefix"
                }
                throw ValueFault(
                    text: "expected networks such as 10.0.0.0/8 or fd00::1, got '\(shown(word))': \(why)")
            }
        }
        guard networks.count <= networksMax else {
            throw ValueFault(text: "expected at most \(networksMax) networks, got \(networks.count)")
        }
        return networks
    }
}

extension ValueForm where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One word of a list; `note` is added to the message about any other word.
    static func oneOf(note: String = "") -> ValueForm {
        let words = Value.allCases.map(\.rawValue)
        return ValueForm(name: words.map { "`\($0)`" }.joined(separator: ", ")) { text throws(ValueFault) in
            if let value = Value(rawValue: text) { return value }
            let list = words.joined(separator: ", ")
            let expected = words.count == 1 ? list : "one of \(list)"
            throw ValueFault(text: "expected \(expected), got '\(shown(text))'\(note)")
        }
    }
}

/// The number a text of digits alone states; nil for anything else, signs and empty texts included.
func decimal(_ text: String) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int(text)
}
