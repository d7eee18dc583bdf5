import Linux
import Testing

@Suite struct PlainNameTests {
    @Test func onlyLettersDigitsAndThreeSignsArePlain() {
        for byte in UInt8(0)...127 {
            let text = "a\(Unicode.Scalar(byte))"
            let isPlain = text.last.map { $0.isLetter || $0.isNumber || ".-_".contains($0) } == true
            #expect(text.isPlainName(bytesMax: 2) == isPlain, "\(byte)")
        }
        #expect(!"ä".isPlainName(bytesMax: 8) && !"a\u{301}".isPlainName(bytesMax: 8))
    }

    @Test func theLengthCountsInBytes() {
        #expect(!"".isPlainName(bytesMax: 3) && "abc".isPlainName(bytesMax: 3))
        #expect(!"abcd".isPlainName(bytesMax: 3))
    }
}
