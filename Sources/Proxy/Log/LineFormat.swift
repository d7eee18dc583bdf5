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
        // Two functions in one source: in each of them the names of the fields are a few stores.
        if isJSON {
            write(record, text, epoch, json: true, to: &line)
        } else {
            write(record, text, epoch, json: false, to: &line)
        }
    }

    @inline(__always)
    private mutating func write(
        _ record: UnsafePointer<LogRecord>, _ text: UnsafePointer<UInt8>, _ epoch: Int64, json: Bool,
        to line: inout LineBuffer
    ) {
        line.append(json ? "{\"time\":\"" : "time=")
        appendTime(record.pointee.began, to: &line)
        line.append(json ? "\",\"client\":" : " client=")
        var rest = text
        word(rest, record.pointee.clientLength, json, to: &line)
        rest += Int(record.pointee.clientLength)
        if record.pointee.peerLength > 0 {
            line.append(json ? ",\"peer\":" : " peer=")
            word(rest, record.pointee.peerLength, json, to: &line)
            rest += Int(record.pointee.peerLength)
        }
        let server = rest
        rest += Int(record.pointee.serverLength)
        let id = rest
        rest += Int(record.pointee.idLength)
        line.append(json ? ",\"method\":" : " method=")
        word(rest, record.pointee.methodLength, json, to: &line)
        rest += Int(record.pointee.methodLength)
        line.append(json ? ",\"target\":" : " target=")
        target(record, rest, json, to: &line)
        line.append(json ? ",\"version\":" : " version=")
        version(record, json, to: &line)
        line.append(json ? ",\"status\":" : " status=")
        number(Int64(record.pointee.status), record.pointee.status > 0, json, to: &line)
        line.append(json ? ",\"in\":" : " in=")
        line.append(decimal: record.pointee.bytesIn)
        line.append(json ? ",\"out\":" : " out=")
        line.append(decimal: record.pointee.bytesOut)
        line.append(json ? ",\"server\":" : " server=")
        word(server, record.pointee.serverLength, json, to: &line)
        line.append(json ? ",\"attempts\":" : " attempts=")
        line.append(decimal: UInt64(record.pointee.attempts))
        phases(record, json, to: &line)
        line.append(json ? ",\"end\":\"" : " end=")
        line.append(record.pointee.end.word)
        if record.pointee.end == .refused || record.pointee.end == .serverMalformed {
            appendFault(record.pointee.fault, to: &line)
        }
        line.append(json ? "\",\"id\":" : " id=")
        word(id, record.pointee.idLength, json, to: &line)
        if epoch > 0 {
            line.append(json ? ",\"epoch\":" : " epoch=")
            line.append(decimal: UInt64(epoch))
        }
        if json { line.append("}") }
        line.endLine()
    }

    @inline(__always)
    private func phases(_ record: UnsafePointer<LogRecord>, _ json: Bool, to line: inout LineBuffer) {
        let began = record.pointee.began
        let headDone = record.pointee.headDone
        let dispatched = record.pointee.dispatched
        // Without a new connection, the time up to the sending was spent waiting.
        let chosen = record.pointee.reusedConnection ? dispatched : record.pointee.chosen
        line.append(json ? ",\"head_us\":" : " head_us=")
        span(began, headDone, json, to: &line)
        line.append(json ? ",\"queue_us\":" : " queue_us=")
        span(headDone, chosen, json, to: &line)
        line.append(json ? ",\"connect_us\":" : " connect_us=")
        span(chosen, dispatched, json, to: &line)
        line.append(json ? ",\"first_byte_us\":" : " first_byte_us=")
        span(dispatched, record.pointee.firstByte, json, to: &line)
        line.append(json ? ",\"total_us\":" : " total_us=")
        span(began, record.pointee.ended, json, to: &line)
    }

    @inline(__always)
    private func target(
        _ record: UnsafePointer<LogRecord>, _ text: UnsafePointer<UInt8>, _ json: Bool,
        to line: inout LineBuffer
    ) {
        guard record.pointee.targetLength > 0 else { return line.append(json ? "null" : "-") }
        line.append("\"")
        line.append(escaped: text, Int(record.pointee.targetLength), isJSON: json)
        line.append(record.pointee.isCutShort ? "...\"" : "\"")
    }

    @inline(__always)
    private func version(_ record: UnsafePointer<LogRecord>, _ json: Bool, to line: inout LineBuffer) {
        if !record.pointee.hasHead { return line.append(json ? "null" : "-") }
        if record.pointee.minorVersion == 0 { return line.append(json ? "\"1.0\"" : "1.0") }
        line.append(json ? "\"1.1\"" : "1.1")
    }

    private func appendFault(_ fault: UInt8, to line: inout LineBuffer) {
        line.append(":")
        faults[Int(fault)].withUnsafeBufferPointer {
            if let start = $0.baseAddress { line.append(start, $0.count) }
        }
    }

    /// A text that needs no escape by its making: an address, a method (a token of RFC 9110), an id.
    @inline(__always)
    private func word(
        _ text: UnsafePointer<UInt8>, _ length: UInt8, _ json: Bool, to line: inout LineBuffer
    ) {
        guard length > 0 else { return line.append(json ? "null" : "-") }
        if json { line.append("\"") }
        line.append(text, Int(length))
        if json { line.append("\"") }
    }

    @inline(__always)
    private func number(_ value: Int64, _ isKnown: Bool, _ json: Bool, to line: inout LineBuffer) {
        guard isKnown else { return line.append(json ? "null" : "-") }
        line.append(decimal: UInt64(max(0, value)))
    }

    /// Microseconds between two instants, both of which came.
    @inline(__always)
    private func span(_ from: Int64, _ to: Int64, _ json: Bool, to line: inout LineBuffer) {
        number((to - from) / 1000, from > 0 && to > 0, json, to: &line)
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
