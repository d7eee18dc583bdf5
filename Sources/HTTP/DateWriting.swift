extension HeadWriter {
    private static let secondsPerDay: Int64 = 86_400

    /// Appends a moment, in seconds since 1970, as `Mon, 23 Nov 2026 23:17:04 GMT` (RFC 9110 §5.6.7); the years
    /// 1970 to 9999.
    public mutating func append(date seconds: Int64) {
        let days = Int(seconds / HeadWriter.secondsPerDay)
        let second = Int(seconds % HeadWriter.secondsPerDay)
        let (year, month, day) = HeadWriter.civil(days)
        let weekdays: StaticString = "ThuFriSatSunMonTueWed"  // the first of January 1970 was a Thursday
        append(weekdays.utf8Start + days % 7 * 3, 3)
        append(", ")
        append(twoDigits: day)
        append(" ")
        let months: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"
        append(months.utf8Start + (month - 1) * 3, 3)
        append(" ")
        append(decimal: year)
        append(" ")
        append(twoDigits: second / 3600)
        append(":")
        append(twoDigits: second / 60 % 60)
        append(":")
        append(twoDigits: second % 60)
        append(" GMT")
    }

    private mutating func append(twoDigits number: Int) {
        if number < 10 { append("0") }
        append(decimal: number)
    }

    /// The day in the Gregorian calendar, so many days after the first of January 1970; years counted from March,
    /// so that the leap day is a year's last.
    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468  // days since the first of March of the year 0
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}
