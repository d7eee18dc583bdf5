/// A part of the week, in UTC, in which servers may be taken out.
package struct MaintenanceWindow: Sendable, Equatable, CustomStringConvertible {
    /// Days from Monday (0) to Sunday (6) on which the window opens.
    package let days: Set<Int>
    /// When it opens and closes, in minutes since midnight; one that closes first goes on into the next day.
    package let opens: Int
    package let closes: Int

    package static let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    private static let minutesOfDay = 1440

    /// Reads `02:00-04:00`, `sat 01:00-05:00` or `mon-fri 22:00-04:00`; nil for anything else.
    package init?(_ text: String) {
        let words = text.lowercased().split(separator: " ")
        guard let hours = words.last, (1...2).contains(words.count) else { return nil }
        if words.count == 2 {
            guard let days = MaintenanceWindow.days(words[0]) else { return nil }
            self.days = days
        } else {
            days = Set(0..<7)
        }
        let ends = hours.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let opens = MaintenanceWindow.minutes(ends[0]),
            let closes = MaintenanceWindow.minutes(ends[1]), opens != closes,
            opens < MaintenanceWindow.minutesOfDay
        else { return nil }
        self.opens = opens
        self.closes = closes
    }

    /// Whether it is open at a moment, in milliseconds since 1970.
    package func isOpen(atMs: Int64) -> Bool {
        let minutes = Int((atMs / 60_000) % Int64(MaintenanceWindow.minutesOfDay))
        let day = Int((atMs / 86_400_000 + 3) % 7)  // 1970 began on a Thursday
        if opens < closes { return days.contains(day) && (opens..<closes).contains(minutes) }
        if minutes >= opens { return days.contains(day) }
        return minutes < closes && days.contains((day + 6) % 7)
    }

    package var description: String {
        func clock(_ minutes: Int) -> String {
            let hour = minutes / 60
            let minute = minutes % 60
            return "\(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute)"
        }
        let list =
            days.count == 7
            ? "" : days.sorted().map { MaintenanceWindow.names[$0] }.joined(separator: ",") + " "
        return "\(list)\(clock(opens))-\(clock(closes))"
    }

    private static func days(_ text: Substring) -> Set<Int>? {
        var days: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
            guard (1...2).contains(ends.count), let first = names.firstIndex(of: String(ends[0])),
                let last = names.firstIndex(of: String(ends[ends.count - 1]))
            else { return nil }
            var day = first
            days.insert(day)
            while day != last {
                day = (day + 1) % 7
                days.insert(day)
            }
        }
        return days
    }

    private static func minutes(_ text: Substring) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2,
            parts.allSatisfy({ $0.utf8.count == 2 && $0.utf8.allSatisfy { (48...57).contains($0) } }),
            let hour = Int(parts[0]), let minute = Int(parts[1]), minute < 60,
            hour < 24 || hour == 24 && minute == 0
        else { return nil }
        return hour * 60 + minute
    }
}
