/// The form that a request to EC2 is: an action and its parameters.
struct EC2Form: Sendable, Equatable {
    /// The version of the API whose answers are read here.
    static let version = "2016-11-15"

    let action: String
    private(set) var parameters: [(name: String, value: String)] = []

    init(_ action: String) { self.action = action }

    static func == (left: EC2Form, right: EC2Form) -> Bool { left.bytes == right.bytes }

    /// Adds a parameter; nil and empty ones are left out.
    mutating func add(_ name: String, _ value: String?) {
        guard let value, !value.isEmpty else { return }
        parameters.append((name, value))
    }

    /// Adds `name.1`, `name.2`, ….
    mutating func add(_ name: String, each values: [String]) {
        for (index, value) in values.enumerated() { add("\(name).\(index + 1)", value) }
    }

    /// Adds a filter of several values.
    mutating func filter(_ number: Int, _ name: String, _ values: [String]) {
        add("Filter.\(number).Name", name)
        add("Filter.\(number).Value", each: values)
    }

    /// The body, `application/x-www-form-urlencoded`.
    var bytes: [UInt8] {
        let all = [("Action", action), ("Version", EC2Form.version)] + parameters.map { ($0.name, $0.value) }
        let pairs = all.map { EC2Form.escaped($0) + "=" + EC2Form.escaped($1) }
        return Array(pairs.joined(separator: "&").utf8)
    }

    /// RFC 3986: everything but the unreserved characters by its bytes.
    static func escaped(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.utf8.count < 2 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return result
    }
}
