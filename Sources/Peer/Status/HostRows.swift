/// Writes and reads the hosts of a status: the same JSON as `QuickEncoder`'s, without the detours of `Codable`, which took
/// nine tenths of the time of a status of ten thousand hosts.
struct HostRows {
    /// The members of a host, in the order of their declaration; each is written in snake_case.
    enum Column: String, CaseIterable {
        case name, address, role, state, cpu, steal, iowait, cores, memory, memoryTotalBytes,
            memoryAvailableBytes
        case load1, load5, load15, pressureCpuSome, pressureMemorySome, pressureIoSome
        case networkReceived, networkSent, diskRead, diskWritten, diskBusy, filesystemUsed
        case reportAgeMs, agentVersion
    }

    /// Why rows cannot be read.
    struct Fault: Error { let what: String }

    private static let columns = Column.allCases
    /// `"name":` of each column.
    private static let labels = columns.map { Array("\"\(SnakeCase.name($0.rawValue))\":".utf8) }

    /// The JSON array of some hosts; nil when one holds a number that no JSON can hold.
    static func bytes(_ hosts: [Status.Host]) -> [UInt8]? {
        var row = JSONRow()
        row.bytes.reserveCapacity(2 + 600 * hosts.count)
        row.bytes.append(UInt8(ascii: "["))
        for (index, host) in hosts.enumerated() {
            if index > 0 { row.bytes.append(UInt8(ascii: ",")) }
            for (place, column) in columns.enumerated() {
                row.bytes.append(place == 0 ? UInt8(ascii: "{") : UInt8(ascii: ","))
                row.bytes += labels[place]
                write(column, of: host, to: &row)
            }
            row.bytes.append(UInt8(ascii: "}"))
        }
        row.bytes.append(UInt8(ascii: "]"))
        return row.isSound ? row.bytes : nil
    }

    private static func write(_ column: Column, of host: Status.Host, to row: inout JSONRow) {
        switch column {
        case .name: row.write(host.name)
        case .address: row.write(host.address)
        case .role: row.write(host.role)
        case .state: row.write(host.state)
        case .cpu: row.write(host.cpu)
        case .steal: row.write(host.steal)
        case .iowait: row.write(host.iowait)
        case .cores: row.write(host.cores)
        case .memory: row.write(host.memory)
        case .memoryTotalBytes: row.write(host.memoryTotalBytes)
        case .memoryAvailableBytes: row.write(host.memoryAvailableBytes)
        case .load1: row.write(host.load1)
        case .load5: row.write(host.load5)
        case .load15: row.write(host.load15)
        case .pressureCpuSome: row.write(host.pressureCpuSome)
        case .pressureMemorySome: row.write(host.pressureMemorySome)
        case .pressureIoSome: row.write(host.pressureIoSome)
        case .networkReceived: row.write(host.networkReceived)
        case .networkSent: row.write(host.networkSent)
        case .diskRead: row.write(host.diskRead)
        case .diskWritten: row.write(host.diskWritten)
        case .diskBusy: row.write(host.diskBusy)
        case .filesystemUsed: row.write(host.filesystemUsed)
        case .reportAgeMs: row.write(host.reportAgeMs)
        case .agentVersion: row.write(host.agentVersion)
        }
    }

    /// The hosts of a JSON array; members in any order, unknown ones are passed over, missing ones are unknown numbers.
    static func hosts(_ array: ArraySlice<UInt8>) throws(Fault) -> [Status.Host] {
        let result = array.withUnsafeBufferPointer { bytes -> Result<[Status.Host], Fault> in
            var reader = JSONRowReader(bytes: bytes)
            do throws(Fault) {
                return .success(try hosts(&reader))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private static func hosts(_ reader: inout JSONRowReader) throws(Fault) -> [Status.Host] {
        var hosts: [Status.Host] = []
        try reader.expect(UInt8(ascii: "["))
        if reader.takes(UInt8(ascii: "]")) { return hosts }
        repeat { hosts.append(try host(&reader)) } while reader.takes(UInt8(ascii: ","))
        try reader.expect(UInt8(ascii: "]"))
        return hosts
    }

    private static func host(_ reader: inout JSONRowReader) throws(Fault) -> Status.Host {
        var host = Status.Host(
            name: "", address: "", role: "", state: "", cpu: nil, steal: nil, iowait: nil, cores: nil,
            memory: nil, memoryTotalBytes: nil, memoryAvailableBytes: nil, load1: nil, load5: nil,
            load15: nil,
            pressureCpuSome: nil, pressureMemorySome: nil, pressureIoSome: nil, networkReceived: nil,
            networkSent: nil, diskRead: nil, diskWritten: nil, diskBusy: nil, filesystemUsed: nil,
            reportAgeMs: nil, agentVersion: nil)
        try reader.expect(UInt8(ascii: "{"))
        var place = 0
        repeat {
            // Nearly always the next in order.
            if place >= columns.count || !reader.takes(labels[place]) {
                guard let found = labels.firstIndex(where: { reader.takes($0) }) else {
                    try reader.skipMember()
                    continue
                }
                place = found
            }
            try read(columns[place], of: &host, from: &reader)
            place += 1
        } while reader.takes(UInt8(ascii: ","))
        try reader.expect(UInt8(ascii: "}"))
        guard !host.name.isEmpty else { throw Fault(what: "a host without a name") }
        return host
    }

    private static func read(
        _ column: Column, of host: inout Status.Host, from reader: inout JSONRowReader
    ) throws(Fault) {
        switch column {
        case .name: host.name = try reader.text() ?? ""
        case .address: host.address = try reader.text() ?? ""
        case .role: host.role = try reader.text() ?? ""
        case .state: host.state = try reader.text() ?? ""
        case .cpu: host.cpu = try reader.number()
        case .steal: host.steal = try reader.number()
        case .iowait: host.iowait = try reader.number()
        case .cores: host.cores = try reader.whole()
        case .memory: host.memory = try reader.number()
        case .memoryTotalBytes: host.memoryTotalBytes = try reader.whole()
        case .memoryAvailableBytes: host.memoryAvailableBytes = try reader.whole()
        case .load1: host.load1 = try reader.number()
        case .load5: host.load5 = try reader.number()
        case .load15: host.load15 = try reader.number()
        case .pressureCpuSome: host.pressureCpuSome = try reader.number()
        case .pressureMemorySome: host.pressureMemorySome = try reader.number()
        case .pressureIoSome: host.pressureIoSome = try reader.number()
        case .networkReceived: host.networkReceived = try reader.number()
        case .networkSent: host.networkSent = try reader.number()
        case .diskRead: host.diskRead = try reader.number()
        case .diskWritten: host.diskWritten = try reader.number()
        case .diskBusy: host.diskBusy = try reader.number()
        case .filesystemUsed: host.filesystemUsed = try reader.number()
        case .reportAgeMs: host.reportAgeMs = try reader.whole()
        case .agentVersion: host.agentVersion = try reader.text()
        }
    }
}
