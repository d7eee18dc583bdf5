import CLinux
import Glibc
import Linux

/// One interface as the kernel knows it: addresses on it, what other stations of its network claim, and its carrier.
/// Every call is short; owned by one thread.
final class AddressStation {
    private let address: VirtualAddress
    private let index: Int32
    private var hardware = [UInt8](repeating: 0, count: 6)
    /// Hears claims and sends announcements; -1 where the rights for it are missing.
    let station: Int32
    /// Hears of the interface's carrier and of addresses that leave it; -1 where it cannot be had.
    let links: Int32

    /// Opens what is needed to watch the interface; without the right to do so only the address itself is moved.
    init(_ address: VirtualAddress) throws(SystemFault) {
        self.address = address
        index = Int32(bitPattern: if_nametoindex(address.interface))
        guard index > 0 else { throw SystemFault("if_nametoindex", on: address.interface) }
        let code = clinux_station_hardware(address.interface, &hardware)
        guard code == 0 else { throw SystemFault("SIOCGIFHWADDR", on: address.interface, code: code) }
        station = clinux_station_open(index, address.family)
        links = clinux_link_watch()
    }

    deinit {
        if station >= 0 { _ = close(station) }
        if links >= 0 { _ = close(links) }
    }

    /// True when the interface is gone, or another has its name now.
    var isStale: Bool { Int32(bitPattern: if_nametoindex(address.interface)) != index }

    /// Whether the interface has a carrier now; nil when that cannot be told.
    var hasCarrier: Bool? {
        let answer = clinux_station_carrier(address.interface)
        return answer < 0 ? nil : answer == 1
    }

    /// Whether the interface has the address; nil when that cannot be told.
    var isPresent: Bool? {
        let answer = clinux_address_present(address.interface, address.family, address.prefix.bytes)
        return answer < 0 ? nil : answer == 1
    }

    /// Adds or removes the address.
    func change(adds: Bool) throws(SystemFault) {
        let bits = Int32(address.prefix.bits)
        let code = clinux_address_change(adds ? 1 : 0, index, address.family, address.prefix.bytes, bits)
        guard code == 0 else {
            throw SystemFault(adds ? "add the address" : "remove the address", on: "\(address)", code: code)
        }
    }

    /// Tells the network that this station has the address.
    func announce() {
        guard station >= 0 else { return }
        _ = clinux_station_announce(station, index, address.family, address.prefix.bytes, hardware)
    }

    /// Asks the network whether another station has it.
    func probe() {
        guard station >= 0 else { return }
        _ = clinux_station_probe(station, index, address.family, address.prefix.bytes, hardware)
    }

    /// The station that claimed the address since the last look, as `02:42:ac:11:00:02`; nil for none.
    func claimant() -> String? {
        guard station >= 0 else { return nil }
        var who = [UInt8](repeating: 0, count: 6)
        guard clinux_station_claimed(station, address.family, address.prefix.bytes, hardware, &who) == 1
        else {
            return nil
        }
        return who.map { byte in
            let text = String(byte, radix: 16)
            return text.utf8.count == 1 ? "0" + text : text
        }.joined(separator: ":")
    }

    /// What the kernel said of the interface since the last look (rtnetlink(7)).
    struct News {
        /// Whether it has a carrier; nil when nothing was said of that.
        let isUp: Bool?
        /// It lost an address, whichever: as when the network's own service begins anew and clears what it does not know.
        let hasLostAddress: Bool
    }

    /// What waits to be read; nothing where it cannot be had.
    func news() -> News {
        guard links >= 0 else { return News(isUp: nil, hasLostAddress: false) }
        var lost: Int32 = 0
        let state = clinux_link_read(links, index, &lost)
        return News(isUp: state < 0 ? nil : state == 1, hasLostAddress: lost != 0)
    }

    /// What to do about a fault.
    static func advice(_ fault: SystemFault) -> String {
        switch fault.code {
        case EPERM, EACCES:
            "\(fault); the agent needs CAP_NET_ADMIN and CAP_NET_RAW (AmbientCapabilities= of its unit)"
        case ENODEV, ENXIO: "\(fault); vip.interface must name an interface of this host"
        default: "\(fault)"
        }
    }
}
