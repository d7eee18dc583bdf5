/// What an `Accept` field (RFC 9110 §12.5.1) says of JSON and text.
enum AcceptField {
    /// Elements that are looked at: nobody has more to say, and the answer must not cost what a client likes.
    private static let elementsMax = 32

    /// True when `application/json` is named and no text is named with a higher weight; ranges with a star in
    /// the type's place name neither. Takes time for `count` bytes, and no memory.
    static func prefersJSON(_ value: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        var json = 0
        var text = 0
        var start = 0
        var elements = 0
        while start < count, elements < elementsMax {
            let end = self.end(UInt8(ascii: ","), value, start, count)
            if start < end {
                elements += 1
                let element = Element(value, start, end)
                if element.isJSON { json = max(json, element.weight) }
                if element.isText { text = max(text, element.weight) }
            }
            start = end + 1
        }
        return json > 0 && json >= text
    }

    /// A media range and its weight.
    private struct Element {
        var isJSON = false
        var isText = false
        /// In thousandths; 1000 when none is named, 0 when it makes no sense.
        var weight = 1000

        init(_ value: UnsafePointer<UInt8>, _ from: Int, _ end: Int) {
            var start = from
            var hasRange = false
            var hasWeight = false
            while start < end, !hasWeight {
                let stop = AcceptField.end(UInt8(ascii: ";"), value, start, end)
                if start < stop {
                    if !hasRange {
                        hasRange = true
                        isJSON = AcceptField.isWord("application/json", value, start, stop)
                        isText = AcceptField.after("text/", value, start, stop) != nil
                    } else if let number = AcceptField.after("q=", value, start, stop) {
                        hasWeight = true
                        weight = AcceptField.weight(value, number, stop)
                    }
                }
                start = stop + 1
            }
        }
    }

    /// Where the next separator stands, or the end.
    private static func end(
        _ separator: UInt8, _ value: UnsafePointer<UInt8>, _ from: Int, _ end: Int
    ) -> Int {
        var index = from
        while index < end, value[index] != separator { index += 1 }
        return index
    }

    /// The place behind a word in lower case that these bytes begin with but for white space and the case of letters;
    /// nil when they do not.
    private static func after(
        _ word: StaticString, _ value: UnsafePointer<UInt8>, _ from: Int, _ end: Int
    ) -> Int? {
        var index = from
        for place in 0..<word.utf8CodeUnitCount {
            while index < end, value[index] <= 0x20 { index += 1 }
            guard index < end else { return nil }
            let byte = value[index]
            let lower = byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
            guard lower == word.utf8Start[place] else { return nil }
            index += 1
        }
        return index
    }

    /// True when these bytes are a word and nothing else.
    private static func isWord(
        _ word: StaticString, _ value: UnsafePointer<UInt8>, _ from: Int, _ end: Int
    ) -> Bool {
        guard var index = after(word, value, from, end) else { return false }
        while index < end, value[index] <= 0x20 { index += 1 }
        return index == end
    }

    /// A weight (RFC 9110 §12.4.2) in thousandths; 0 when it is none.
    private static func weight(_ value: UnsafePointer<UInt8>, _ from: Int, _ end: Int) -> Int {
        var thousandths = 0
        var unit = 1000
        var place = 0
        for index in from..<end where value[index] > 0x20 {
            let digit = Int(value[index]) - Int(UInt8(ascii: "0"))
            switch place {
            case 1: guard value[index] == UInt8(ascii: ".") else { return 0 }
            case 0, 2, 3, 4:
                guard (0...(place == 0 ? 1 : 9)).contains(digit) else { return 0 }
                thousandths += digit * unit
                unit /= 10
            default: return 0
            }
            place += 1
        }
        return thousandths <= 1000 ? thousandths : 0
    }
}
