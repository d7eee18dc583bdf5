/// What the backend wrote down of one run.
struct Ledger {
    let served: Int
    let accepted: Int
    let heads: [RequestHead]

    /// Reads the backend's report; throws when a request was no plain HTTP or there were too many kinds.
    init(_ report: [UInt8]) throws(BenchFault) {
        let unreadable = BenchFault("the backend's report cannot be read")
        var rest = report[...]
        let totals = Ledger.line(&rest).split(separator: " ")
        guard totals.count == 6, let served = Int(totals[1]), let accepted = Int(totals[3]),
            let overflow = Int(totals[5])
        else { throw unreadable }
        guard overflow == 0 else { throw BenchFault("the backend got too many different requests") }
        var heads: [RequestHead] = []
        while !rest.isEmpty {
            let words = Ledger.line(&rest).split(separator: " ")
            guard words.count == 3, let length = Int(words[2]), length <= rest.count else { throw unreadable }
            let text = String(decoding: rest.prefix(length), as: UTF8.self)
            guard let head = RequestHead(text) else { throw BenchFault("not a request head:\n\(text)") }
            heads.append(head)
            rest = rest.dropFirst(length)
        }
        (self.served, self.accepted, self.heads) = (served, accepted, heads)
    }

    private static func line(_ bytes: inout ArraySlice<UInt8>) -> String {
        let line = bytes.prefix { $0 != 0x0a }
        bytes = bytes.dropFirst(line.count + 1)
        return String(decoding: line, as: UTF8.self)
    }
}
