/// What the field lines of one head say together: framing, persistence, host.
public struct FieldSummary: Sendable, BitwiseCopyable {
    /// Facts that a head states or does not state.
    public struct Facts: OptionSet, Sendable, BitwiseCopyable {
        /// A bit for each fact.
        public let rawValue: UInt16
        /// The facts of these bits.
        @inlinable
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        /// `Connection: close`.
        @inlinable
        public static var close: Facts { Facts(rawValue: 1) }
        /// `Connection: keep-alive`.
        @inlinable
        public static var keepAlive: Facts { Facts(rawValue: 2) }
        /// `Connection` names further fields, which end at this hop.
        @inlinable
        public static var nominates: Facts { Facts(rawValue: 4) }
        /// `Content-Length`, well-formed.
        @inlinable
        public static var contentLength: Facts { Facts(rawValue: 8) }
        /// `Transfer-Encoding: chunked`.
        @inlinable
        public static var chunked: Facts { Facts(rawValue: 16) }
        /// `Expect: 100-continue`.
        @inlinable
        public static var expectsContinue: Facts { Facts(rawValue: 32) }
        /// `Host`, well-formed.
        @inlinable
        public static var host: Facts { Facts(rawValue: 64) }
        /// Some field besides the nominated ones ends at this hop.
        @inlinable
        public static var hopByHop: Facts { Facts(rawValue: 128) }
        /// Some field speaks of earlier proxies.
        @inlinable
        public static var forwarded: Facts { Facts(rawValue: 256) }
        /// `Date`.
        @inlinable
        public static var date: Facts { Facts(rawValue: 512) }
        /// `Connection` names fields that a trailer could have, too.
        @inlinable
        public static var nominatesTrailers: Facts { Facts(rawValue: 1024) }
        /// Some field carries a request id.
        @inlinable
        public static var requestID: Facts { Facts(rawValue: 1 << 14) }
        /// Some field carries a trace.
        @inlinable
        public static var tracing: Facts { Facts(rawValue: 1 << 15) }
    }

    // Every idle connection holds one of these: the order and the widths leave no gaps.
    /// What the lines state.
    public private(set) var facts: Facts = []
    @usableFromInline
    var lines: UInt16 = 0
    /// The value of `Host`; valid when `facts` has `host`.
    public private(set) var host = ByteRange()
    /// Valid when `facts` has `contentLength`.
    public private(set) var contentLength: Int64 = 0
    /// Of all `Connection` fields so far.
    private var elements: UInt8 = 0

    /// The number of field lines, at most 65,535: a head's bytes are limited to that.
    @inlinable
    public var count: Int { Int(lines) }

    /// Reads one line (without its CRLF) into `fields[count]`; throws what is wrong with it.
    @inline(__always)
    mutating func add(
        _ base: UnsafePointer<UInt8>, from start: Int, to end: Int, isRequest: Bool,
        into fields: UnsafeMutablePointer<Field>, limit: Int
    ) throws(MessageFault) {
        guard count < limit else { throw .tooManyFields }
        let field = try FieldSummary.field(base, from: start, to: end)
        fields[count] = field
        lines += 1
        if field.kind != .other { try note(field, base, isRequest: isRequest) }
    }

    @inline(__always)
    private static func field(
        _ base: UnsafePointer<UInt8>, from start: Int, to end: Int
    ) throws(MessageFault) -> Field {
        var index = Bytes.endOfToken(base, from: start, to: end)
        guard index < end, base[index] == Bytes.colon, index > start else {
            throw nameFault(base, start, index, end)
        }
        let name = ByteRange(start, index)
        index += 1
        while index < end, Bytes.isBlank(base[index]) { index += 1 }
        var last = end
        while last > index, Bytes.isBlank(base[last - 1]) { last -= 1 }
        let value = ByteRange(index, last)
        index = Bytes.endOfValue(base, from: index, to: last, clean: start)
        guard index == last else {
            throw base[index] == Bytes.carriageReturn ? .bareCarriageReturn : .controlByte
        }
        return Field(name: name, value: value, kind: FieldKind.of(base + start, name.count))
    }

    private static func nameFault(
        _ base: UnsafePointer<UInt8>, _ start: Int, _ index: Int, _ end: Int
    ) -> MessageFault {
        if index == start, Bytes.isBlank(base[start]) { return .foldedField }
        guard index < end, index > start, Bytes.isBlank(base[index]) else { return .badFieldName }
        var next = index
        while next < end, Bytes.isBlank(base[next]) { next += 1 }
        return next < end && base[next] == Bytes.colon ? .spaceBeforeColon : .badFieldName
    }

    private mutating func note(
        _ field: Field, _ base: UnsafePointer<UInt8>, isRequest: Bool
    ) throws(MessageFault) {
        let value = base + field.value.start
        let length = field.value.count
        switch field.kind {
        case .host:
            guard isRequest else { return }
            guard !facts.contains(.host) else { throw .repeatedHost }
            guard Authority.isValid(value, length) else { throw .badHost }
            facts.insert(.host)
            host = field.value
        case .contentLength:
            guard !facts.contains(.contentLength) else { throw .repeatedContentLength }
            guard let number = FieldSummary.decimal(value, length) else { throw .badContentLength }
            facts.insert(.contentLength)
            contentLength = number
        case .transferEncoding:
            guard !facts.contains(.chunked) else { throw .repeatedTransferEncoding }
            guard Bytes.equal(value, length, "chunked") else { throw TransferCoding.fault(value, length) }
            facts.formUnion([.chunked, .hopByHop])
        case .connection:
            try noteConnection(value, length)
            facts.insert(.hopByHop)
        case .expect:
            guard isRequest else { return }
            if Bytes.equal(value, length, "100-continue") {
                facts.insert(.expectsContinue)
            } else if !TokenList.isEmpty(value, length) {
                throw .unknownExpectation
            }
        case .hopByHop, .disguised: facts.insert(.hopByHop)
        case .date: facts.insert(.date)
        case .forwarded: facts.insert(.forwarded)
        case .requestID: facts.insert(.requestID)
        case .tracing: facts.insert(.tracing)
        case .other: break
        }
    }

    private mutating func noteConnection(_ value: UnsafePointer<UInt8>, _ length: Int) throws(MessageFault) {
        var list = TokenList(value, length)
        while let token = try list.next() {
            let word = value + token.start
            if Bytes.equal(word, token.count, "close") {
                facts.insert(.close)
            } else if Bytes.equal(word, token.count, "keep-alive") {
                facts.insert(.keepAlive)
            } else {
                facts.insert(.nominates)
                if try FieldSummary.mayBeTrailer(word, token.count) { facts.insert(.nominatesTrailers) }
            }
        }
        let sum = Int(elements) + list.elements
        guard sum <= HeadLimits.connectionElements else { throw .tooManyNominatedFields }
        elements = UInt8(sum)
    }

    /// True when a trailer could have the nominated name. Throws for host, framing, expectation and the count of hops,
    /// which concern every hop: whoever names them in `Connection` wants them lost on the way.
    private static func mayBeTrailer(
        _ word: UnsafePointer<UInt8>, _ count: Int
    ) throws(MessageFault) -> Bool {
        switch FieldKind.of(word, count) {
        case .host, .contentLength, .transferEncoding, .expect: throw .forbiddenNomination
        case .connection, .hopByHop: return false
        case .other:
            if Bytes.equal(word, count, "max-forwards") { throw .forbiddenNomination }
            return !TrailerName.isForbidden(word, count)
        case .forwarded, .disguised, .date, .requestID, .tracing: return true
        }
    }

    /// A number of decimal digits only that fits in 63 bits; nil for everything else.
    static func decimal(_ base: UnsafePointer<UInt8>, _ count: Int) -> Int64? {
        guard count > 0 else { return nil }
        var number: Int64 = 0
        for index in 0..<count {
            guard Bytes.isDigit(base[index]) else { return nil }
            let (product, over) = number.multipliedReportingOverflow(by: 10)
            let (sum, beyond) = product.addingReportingOverflow(Int64(base[index] &- UInt8(ascii: "0")))
            if over || beyond { return nil }
            number = sum
        }
        return number
    }
}
