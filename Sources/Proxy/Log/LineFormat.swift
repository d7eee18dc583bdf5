import Glibc
import HTTP

/// Turns records into lines of text.
struct LineFormat: ~Copyable {
    /// No line is longer: every byte of a record's text may take six, and the rest is short.
    static let lineBytesMax = 6 * LogRecord.bytesMax + 1024

    private let isJSON: Bool
    private let faults: [[UInt8]]
    /// Nanoseconds from boot time to wall time.
    private var offset: Int64 = 0
    private var second: Int64 = .min
    private var clock = InlineArray<20, UInt8>(repeating: 0)

    init(_ format: AccessLogSettings.Format) {
        isJSON = format == .json
        var words = [[UInt8]](repeating: [], count: 256)
        for fault in MessageFault.allCases { words[Int(fault.rawValue)] = Array(fault.label.utf8) }
        faults = words
    }

    /// Sets the clocks: the wall clock may be stepped at any time, so this is done for each batch.
    mutating func set(wall: Int64, boot: Int64) {
        offset = wall - boot
        second = .min
    }

    /// Appends one line; the buffer has room for `lineBytesMax`.
    mutating func append(
        _ record: UnsafePointer<LogRecord>, _ text: UnsafePointer<UInt8>, epoch: Int64,
        to line: inout LineBuffer
    ) {
        line.append(isJSON ? "{\"time\":\"" : "time=")
        appendTime(record.pointee.began, to: &line)
        if isJSON { line.append(byte: UInt8(ascii: "\"")) }
        var rest = text
        field(",\"client\":", " client=", rest, record.pointee.clientLength, to: &line)
        rest += Int(record.pointee.clientLength)
        if record.pointee.peerLength > 0 {
            field(",\"peer\":", " peer=", rest, record.pointee.peerLength, to: &line)
            rest += Int(record.pointee.peerLength)
        }
        let server = rest
        rest += Int(record.pointee.serverLength)
        let id = rest
        rest += Int(record.pointee.idLength)
        field(",\"method\":", " method=", rest, record.pointee.methodLength, to: &line)
        rest += Int(record.pointee.methodLength)
        target(record, rest, to: &line)
        if !record.pointee.hasHead {
            line.append(isJSON ? ",\"version\":null" : " version=-")
        } else if record.pointee.minorVersion == 0 {
            line.append(isJSON ? ",\"version\":\"1.0\"" : " version=1.0")
        } else {
            line.append(isJSON ? ",\"version\":\"1.1\"" : " version=1.1")
        }
        number(",\"status\":", " status=", Int64(record.pointee.status), record.pointee.status > 0, to: &line)
        number(",\"in\":", " in=", Int64(truncatingIfNeeded: record.pointee.bytesIn), true, to: &line)
        number(",\"out\":", " out=", Int64(truncatingIfNeeded: record.pointee.bytesOut), true, to: &line)
        field(",\"server\":", " server=", server, record.pointee.serverLength, to: &line)
        number(",\"attempts\":", " attempts=", Int64(record.pointee.attempts), true, to: &line)
        phases(record, to: &line)
        line.append(isJSON ? ",\"end\":\"" : " end=")
        line.append(record.pointee.end.word)
        if record.pointee.end == .refused || record.pointee.end == .serverMalformed {
            line.append(byte: UInt8(ascii: ":"))
            faults[Int(record.pointee.fault)].withUnsafeBufferPointer {
                if let start = $0.baseAddress { line.append(start, $0.count) }
            }
        }
        if isJSON { line.append(byte: UInt8(ascii: "\"")) }
        field(",\"id\":", " id=", id, record.pointee.idLength, to: &line)
        if epoch > 0 { number(",\"epoch\":", " epoch=", epoch, true, to: &line) }
        if isJSON { line.append(byte: UInt8(ascii: "}")) }
        line.endLine()
    }

    private func phases(_ record: UnsafePointer<LogRecord>, to line: inout LineBuffer) {
        let began = record.pointee.began
        let headDone = record.pointee.headDone
        let dispatched = record.pointee.dispatched
        // Without a new connection, the time up to the sending was spent waiting.
        let chosen = record.pointee.reusedConnection ? dispatched : record.pointee.chosen
        span(",\"head_us\":", " head_us=", began, headDone, to: &line)
        span(",\"queue_us\":", " queue_us=", headDone, chosen, to: &line)
        span(",\"connect_us\":", " connect_us=", chosen, dispatched, to: &line)
        span(",\"first_byte_us\":", " first_byte_us=", dispatched, record.pointee.firstByte, to: &line)
        span(",\"total_us\":", " total_us=", began, record.pointee.ended, to: &line)
    }

    private func target(
        _ record: UnsafePointer<LogRecord>, _ text: UnsafePointer<UInt8>, to line: inout LineBuffer
    ) {
        guard record.pointee.targetLength > 0 else {
            line.append(isJSON ? ",\"target\":null" : " target=-")
            return
        }
        line.append(isJSON ? ",\"target\":\"" : " target=\"")
        line.append(escaped: text, Int(record.pointee.targetLength), isJSON: isJSON)
        line.append(record.pointee.isCutShort ? "...\"" : "\"")
    }

    /// A text that needs no escape by its making: an address, a method (a token of RFC 9110), an id.
    private func field(
        _ json: StaticString, _ logfmt: StaticString, _ text: UnsafePointer<UInt8>, _ length: UInt8,
        to line: inout LineBuffer
    ) {
        line.append(isJSON ? json : logfmt)
        guard length > 0 else {
            line.append(isJSON ? "null" : "-")
            return
        }
        if isJSON { line.append(byte: UInt8(ascii: "\"")) }
        line.append(text, Int(length))
        if isJSON { line.append(byte: UInt8(ascii: "\"")) }
    }

    private func number(
        _ json: StaticString, _ logfmt: StaticString, _ value: Int64, _ isKnown: Bool,
        to line: inout LineBuffer
    ) {
        line.append(isJSON ? json : logfmt)
        if isKnown {
            line.append(decimal: UInt64(max(0, value)))
        } else {
            line.append(isJSON ? "null" : "-")
        }
    }

    /// Microseconds between two instants, both of which came.
    private func span(
        _ json: StaticString, _ logfmt: StaticString, _ from: Int64, _ to: Int64, to line: inout LineBuffer
    ) {
        number(json, logfmt, (to - from) / 1000, from > 0 && to > 0, to: &line)
    }

    /// RFC 3339 in UTC, to the microsecond.
    private mutating func appendTime(_ instant: Int64, to line: inout LineBuffer) {
        let wall = max(0, instant + offset)
        let seconds = wall / 1_000_000_000
        if seconds != second {
            second = seconds
            var whole = time_t(seconds)
            var parts = tm()
            gmtime_r(&whole, &parts)
            var text = LineBuffer(capacity: 20)
            text.append(padded: UInt64(parts.tm_year + 1900), to: 4)
            text.append(byte: UInt8(ascii: "-"))
            text.append(padded: UInt64(parts.tm_mon + 1), to: 2)
            text.append(byte: UInt8(ascii: "-"))
            text.append(padded: UInt64(parts.tm_mday), to: 2)
            text.append(byte: UInt8(ascii: "T"))
            text.append(padded: UInt64(parts.tm_hour), to: 2)
            text.append(byte: UInt8(ascii: ":"))
            text.append(padded: UInt64(parts.tm_min), to: 2)
            text.append(byte: UInt8(ascii: ":"))
            text.append(padded: UInt64(parts.tm_sec), to: 2)
            text.append(byte: UInt8(ascii: "."))
            for index in 0..<20 { clock[index] = text.base[index] }
        }
        withUnsafePointer(to: &clock) {
            line.append(UnsafeRawPointer($0).assumingMemoryBound(to: UInt8.self), 20)
        }
        line.append(padded: UInt64(wall % 1_000_000_000 / 1000), to: 6)
        line.append(byte: UInt8(ascii: "Z"))
    }
}
