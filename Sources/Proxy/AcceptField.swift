/// What an `Accept` field (RFC 9110 §12.5.1) says of JSON and text.
enum AcceptField {
    /// True when `application/json` is named and no text is named with a higher weight; ranges with a star in
    /// the type's place name neither.
    static func prefersJSON(_ value: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        var json = 0
        var text = 0
        let bytes = UnsafeBufferPointer(start: value, count: count)
        for element in bytes.split(separator: UInt8(ascii: ",")) {
            let parts = element.split(separator: UInt8(ascii: ";"))
            guard let first = parts.first else { continue }
            let range = word(first)
            let weight = weight(parts.dropFirst())
            if range == "application/json" { json = max(json, weight) }
            if range.hasPrefix("text/") { text = max(text, weight) }
        }
        return json > 0 && json >= text
    }

    private static func word(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.filter { $0 > 0x20 }, as: UTF8.self).lowercased()
    }

    /// The value of `q` in thousandths; 1000 without one, 0 when it makes no sense.
    private static func weight(_ parameters: some Sequence<some Sequence<UInt8>>) -> Int {
        for parameter in parameters {
            let text = word(parameter)
            guard text.hasPrefix("q=") else { continue }
            guard let number = Double(text.dropFirst(2)), (0...1).contains(number) else { return 0 }
            return Int(number * 1000)
        }
        return 1000
    }
}
