/// The files of a /proc that are read for the whole host, kept open.
struct HostFiles {
    let stat: KeptFile
    let meminfo: KeptFile
    let loadavg: KeptFile
    let cpuPressure: KeptFile
    let memoryPressure: KeptFile
    let ioPressure: KeptFile
    let diskstats: KeptFile
    let netdev: KeptFile
    let vmstat: KeptFile
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
