/// The files of a /proc that are read for the whole host, kept open.
struct HostFiles: ~Copyable {
    var stat: KeptFile
    var meminfo: KeptFile
    var loadavg: KeptFile
    var cpuPressure: KeptFile
    var memoryPressure: KeptFile
    var ioPressure: KeptFile
    var diskstats: KeptFile
    var netdev: KeptFile
    var vmstat: KeptFile
    let zoneinfo: String

    /// Opens those that are there.
    init(proc: String) {
        stat = KeptFile("\(proc)/stat")
        meminfo = KeptFile("\(proc)/meminfo")
        loadavg = KeptFile("\(proc)/loadavg")
        cpuPressure = KeptFile("\(proc)/pressure/cpu")
        memoryPressure = KeptFile("\(proc)/pressure/memory")
        ioPressure = KeptFile("\(proc)/pressure/io")
        diskstats = KeptFile("\(proc)/diskstats", inPieces: true)
        netdev = KeptFile("\(proc)/net/dev", inPieces: true)
        vmstat = KeptFile("\(proc)/vmstat", inPieces: true)
        zoneinfo = "\(proc)/zoneinfo"
    }
}
