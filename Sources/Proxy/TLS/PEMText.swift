/// What libssl passes over in PEM files without a word.
enum PEMText {
    private static let dashes = Array("-----".utf8)
    private static let begin = Array("-----BEGIN ".utf8)
    private static let end = Array("-----END ".utf8)

    /// The number, from 0 on, of the first line that looks like the border of a block and is none of a whole one:
    /// the mark of a file that was cut. libssl takes such a line for text, which may stand between blocks.
    static func brokenLine(in bytes: some Collection<UInt8>) -> Int? {
        var opening: Int?
        for (number, raw) in bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
            // As libssl does, also for files of other systems: blanks and controls at a line's end do not count.
            let line = raw.reversed().drop { $0 <= 32 }.reversed()
            guard line.starts(with: dashes) else { continue }
            if opening != nil {
                if line.starts(with: end) { opening = nil }
            } else if line.starts(with: begin), line.dropFirst(begin.count).suffix(5).elementsEqual(dashes) {
                opening = number
            } else {
                return number
            }
        }
        return opening
    }
}
