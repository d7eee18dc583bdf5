import Testing

@testable import Proxy

/// A record of the access log as a line.
@Suite struct LineFormatTests {
    /// The line for a record whose texts are these.
    private func line(
        _ format: AccessLogSettings.Format, target: [UInt8], client: String = "192.0.2.1",
        adjust: (inout LogRecord) -> Void = { _ in }
    ) -> String {
        var record = LogRecord()
        record.clientLength = UInt8(client.utf8.count)
        record.methodLength = 3
        record.targetLength = UInt16(target.count)
        adjust(&record)
        var buffer = LineBuffer(capacity: LineFormat.lineBytesMax)
        var lines = LineFormat(format)
        lines.set(wall: 1_700_000_000_000_000_000, boot: 0)
        let text = Array(client.utf8) + Array("GET".utf8) + target
        text.withUnsafeBufferPointer {
            if let base = $0.baseAddress { lines.append(&record, base, epoch: 0, to: &buffer) }
        }
        return String(decoding: UnsafeBufferPointer(start: buffer.base, count: buffer.count), as: UTF8.self)
    }

    @Test func everyByteOfATargetIsHarmlessInALine() {
        let all = (0...255).map { UInt8($0) }
        for format in AccessLogSettings.Format.allCases {
            let line = line(format, target: all)
            #expect(line.utf8.filter { $0 == 10 }.count == 1 && line.hasSuffix("\n"))
            #expect(line.utf8.dropLast().allSatisfy { (0x20..<0x7f).contains($0) })
        }
        #expect(line(.logfmt, target: [0x0a, 0x22, 0x5c, 0xff]).contains("target=\"\\x0a\\\"\\\\\\xff\""))
        #expect(
            line(.json, target: [0x0a, 0x22, 0x5c, 0xff]).contains("\"target\":\"\\u000a\\\"\\\\\\u00ff\""))
    }

    @Test func numbersAreWrittenInFull() {
        var numbers: [UInt64] = [0, .max, 999_999_999, 1_000_000_000, 4_294_967_296]
        var power: UInt64 = 1
        for _ in 0..<19 {
            numbers += [power, power - 1, power + 1, power * 9]
            power *= 10
        }
        for number in numbers {
            var buffer = LineBuffer(capacity: 64)
            buffer.append(decimal: number)
            let text = String(
                decoding: UnsafeBufferPointer(start: buffer.base, count: buffer.count), as: UTF8.self)
            #expect(text == "\(number)")
        }
    }

    @Test func aByteIsEscapedWhereverItStands() {
        for byte in [0x00, 0x1f, 0x22, 0x5c, 0x7f, 0x80, 0xff] as [UInt8] {
            for place in 0..<24 {
                var target = [UInt8](repeating: UInt8(ascii: "a"), count: 24)
                target[place] = byte
                let line = line(.logfmt, target: target)
                #expect(line.contains("\(String(repeating: "a", count: place))\\"), "\(byte) at \(place)")
            }
        }
    }

    @Test func theLongestLineHasRoom() {
        let target = [UInt8](repeating: 0, count: LogRecord.targetBytesMax)
        #expect(line(.json, target: target) { $0.isCutShort = true }.utf8.count < LineFormat.lineBytesMax)
    }

    @Test func aWholeLineReadsSo() {
        func fill(_ record: inout LogRecord) {
            record.status = 200
            record.hasHead = true
            record.minorVersion = 1
            record.attempts = 2
            record.end = .done
            record.began = 1_234_567_890
            record.headDone = 1_234_577_890
            record.chosen = 1_234_587_890
            record.dispatched = 1_234_687_890
            record.firstByte = 1_235_687_890
            record.ended = 1_245_687_890
            record.bytesIn = 10
            record.bytesOut = 18_446_744_073
        }
        #expect(
            line(.logfmt, target: Array("/a b".utf8), adjust: fill)
                == "time=2023-11-14T22:13:21.234567Z client=192.0.2.1 method=GET target=\"/a b\" version=1.1 "
                + "status=200 in=10 out=18446744073 server=- attempts=2 head_us=10 queue_us=10 connect_us=100 "
                + "first_byte_us=1000 total_us=11120 end=done id=-\n")
        #expect(
            line(.json, target: Array("/".utf8), adjust: fill)
                == "{\"time\":\"2023-11-14T22:13:21.234567Z\",\"client\":\"192.0.2.1\",\"method\":\"GET\","
                + "\"target\":\"/\",\"version\":\"1.1\",\"status\":200,\"in\":10,\"out\":18446744073,"
                + "\"server\":null,\"attempts\":2,\"head_us\":10,\"queue_us\":10,\"connect_us\":100,"
                + "\"first_byte_us\":1000,\"total_us\":11120,\"end\":\"done\",\"id\":null}\n")
    }
}
