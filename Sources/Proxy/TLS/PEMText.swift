/// What libssl passes over in PEM files without a word.
enum PEMText {
    private static let dashes = Array("-----".utf8)
    private static let begin = Array("-----BEGIN ".utf8)
    private static let end = Array("-----END ".utf8)

    /// The number, from 0 on, of the first line that looks like the border of a block and is none of a whole one:
    /// the mark of a file that was cut. libssl takes such a line for text, which may stand between blocks; a line of
    /// dashes alone is text, unless the file ends within it.
    static func brokenLine(in bytes: some Collection<UInt8>) -> Int? {
        var opening: Int?
        let lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
        for (number, raw) in lines.enumerated() {
            // As libssl does, also for files of other systems: blanks and controls at a line's end do not count.
            let line = raw.reversed().drop { $0 <= 32 }.reversed()
            if line.allSatisfy({ $0 == UInt8(ascii: "-") }) {
                // What stands behind the last line feed is the last line, and empty where the file is whole.
                if number == lines.count - 1, !line.isEmpty { return opening ?? number }
                continue
            }
            guard line.starts(with: dashes) else { continue }
            if let first = opening {
                if line.starts(with: end) { opening = nil }
                if line.starts(with: begin) { return first }
            } else if line.starts(with: begin), line.dropFirst(begin.count).suffix(5).elementsEqual(dashes) {
                opening = number
            } else {
                return number
            }
        }
        return opening
    }
}
